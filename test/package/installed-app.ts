/** Packs the project and installs the tarball into an empty application, as a user's machine would. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The test run's own settings stay here; those of the machine (registry, certificates) go along. */
const ours = /^(VITEST.*|NODE_OPTIONS|NODE_ENV|NODE_PATH|npm_config_loglevel|npm_config_ignore_scripts)$/i;
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; an exit code other than 0 is an answer, not an exception. */
export function run(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...environment, NO_COLOR: '1', ...env }, maxBuffer: 16 * 1024 * 1024 };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
    child.stdin?.end();
  });
}

export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const script = process.env['npm_execpath'];
  const viaNode = script !== undefined && /\.c?js$/.test(script);
  const ended = await run(viaNode ? process.execPath : 'npm', viaNode ? [script, ...args] : args, cwd);
  if (ended.code !== 0)
    throw new Error(`npm ${args[0]} failed with exit code ${ended.code}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

/** One line of `npm pack --json`. */
export interface Packed {
  readonly filename: string;
  /** Bytes of the tarball. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs the project into a folder. */
export async function pack(folder: string): Promise<Packed> {
  const output = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT);
  const [packed] = JSON.parse(output) as [Packed];
  return packed;
}

export class InstalledApp {
  /** The application's folder. */
  readonly folder: string;
  /** The tarball's path. */
  readonly tarball: string;
  readonly packed: Packed;
  readonly #scratch: string;

  private constructor(scratch: string, folder: string, packed: Packed) {
    this.#scratch = scratch;
    this.folder = folder;
    this.packed = packed;
    this.tarball = join(scratch, packed.filename);
  }

  /** Packs, installs the tarball and the peer of the lock file, and links nothing to this checkout. */
  static async create(): Promise<InstalledApp> {
    const scratch = mkdtempSync(join(tmpdir(), 'edict-package-'));
    try {
      const packed = await pack(scratch);
      const app = new InstalledApp(scratch, mkdtempSync(join(scratch, 'app-')), packed);
      writeFileSync(join(app.folder, 'package.json'), '{ "name": "app", "private": true }\n');
      const quiet = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
      await npm(
        ['install', ...quiet, app.tarball, `@openfeature/server-sdk@${lockedVersion('@openfeature/server-sdk')}`],
        app.folder,
      );
      return app;
    } catch (error) {
      rmSync(scratch, { recursive: true, force: true });
      throw error;
    }
  }

  /** A path of the installed package. */
  installed(...parts: readonly string[]): string {
    return join(this.folder, 'node_modules', 'edict', ...parts);
  }

  /** Writes a file of the application and runs it with Node. */
  async runFile(name: string, text: string): Promise<Ended> {
    writeFileSync(join(this.folder, name), text);
    return run(process.execPath, [name], this.folder);
  }

  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

export function lockedVersion(name: string): string {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const version = lock.packages[`node_modules/${name}`]?.version;
  if (version === undefined) throw new Error(`package-lock.json has no ${name}`);
  return version;
}
