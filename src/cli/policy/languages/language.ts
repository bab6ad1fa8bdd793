/** What `edict policy new` and `edict policy build` know of a language. */

/** How a build ended: `output` is what the compiler said, for whoever wrote the source. */
export interface Compiled {
  readonly code: number;
  readonly output: string;
}

export interface BuildInput {
  /** The folder of the policy. */
  readonly folder: string;
  /** The source, a path. */
  readonly source: string;
  /** Where the module goes. */
  readonly target: string;
  readonly memoryPages: number;
}

export interface Language {
  /** As `--language` has it. */
  readonly name: string;
  /** As manifests and people have it. */
  readonly title: string;
  /** Names of sources, the one of a new policy first. */
  readonly sources: readonly string[];
  readonly module: (policy: string) => string;
  /** Lines of a new manifest beyond those of all. */
  readonly manifest: string;
  /** Files of this package that a new policy needs beside it. */
  readonly libraries: readonly string[];
  readonly example: (policy: string) => string;
  /** Rejects with a `UsageError` that says what to install where something is missing. */
  readonly compile: (input: BuildInput) => Promise<Compiled>;
}
