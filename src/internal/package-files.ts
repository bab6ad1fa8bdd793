/** Finds the files that ship beside the code, from wherever the code runs: the sources, the build, or a bundle of it. */

const ROOT = /^(.*\/)(?:src|dist)\//.exec(import.meta.url)?.[1] ?? new URL('../', import.meta.url).href;

/** The URL of a file of the package, by its path in it. */
export function packageFile(path: string): URL {
  return new URL(path, ROOT);
}
