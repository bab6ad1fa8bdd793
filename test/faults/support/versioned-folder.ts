/** A folder of policies in which everything is another one in each version: document, module, manifest, store. */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeaderMap } from '../../../src/policy/model/headers.ts';
import { NO_BODY } from '../../../src/policy/model/views.ts';
import type { PolicyEngine } from '../../../src/policy-engine/index.ts';

const BASE = fileURLToPath(new URL('../../../wasm/policies/set-headers.wasm', import.meta.url));
const MARK = 'x-mark';

export class VersionedFolder {
  readonly path: string;
  readonly #root: string;
  readonly #module: Uint8Array;
  version = -1;

  private constructor(root: string, module: Uint8Array) {
    this.#root = root;
    this.path = join(root, 'policies');
    this.#module = module;
  }

  static async create(): Promise<VersionedFolder> {
    const root = await mkdtemp(join(tmpdir(), 'edict-versions-'));
    return new VersionedFolder(root, await readFile(BASE));
  }

  /** `second`: one more route, with a module of its own. */
  async write(version: number, { second = false } = {}): Promise<void> {
    this.version = version;
    await this.#policy('one', version);
    if (second) await this.#policy('two', version);
    await writeFile(join(this.path, 'keys.json'), JSON.stringify({ id: { version } }));
    const route = (path: string, use: string): string =>
      `  - key: 'GET|${path}|*'\n    policies:\n      - use: ${use}\n` +
      `        params: { requestHeaders: [{ name: ${MARK}, value: '${version}' }], responseHeaders: [{ name: ${MARK} }] }\n`;
    const routes = route('/one', 'one') + (second ? route('/two', 'two') : '');
    await writeFile(join(this.path, 'policies.yaml'), `routes:\n${routes}resources: { keys: 'file:keys.json' }\n`);
  }

  remove(): Promise<void> {
    return rm(this.#root, { recursive: true, force: true });
  }

  /** Which version the engine serves; `undefined` when it refuses, `-1` when it lets a request pass without its policy. */
  mark(engine: PolicyEngine): number | undefined {
    return markOf(engine);
  }

  async #policy(name: string, version: number): Promise<void> {
    const bytes = Buffer.concat([this.#module, customSection(`${name} ${version}`)]);
    const digest = createHash('sha256').update(bytes).digest('hex');
    await mkdir(join(this.path, name), { recursive: true });
    await writeFile(join(this.path, name, 'module.wasm'), bytes);
    await writeFile(
      join(this.path, name, 'policy.yaml'),
      `apiVersion: edict/v1\nname: ${name}\nversion: v1.0.0\ndescription: version ${version}\n` +
        `module: { file: module.wasm, sha256: 'sha256:${digest}' }\n` +
        'processing: { requestHeaders: process, responseHeaders: process }\n',
    );
  }
}

export function markOf(engine: PolicyEngine, path = '/one'): number | undefined {
  const headers = HeaderMap.from([['host', 'a']]);
  const facts = {
    path,
    method: 'GET',
    authority: 'a',
    scheme: 'http',
    upstreamName: undefined,
    upstreamSlot: undefined,
  };
  const opened = engine.open({ ...facts, headers, body: NO_BODY }, { clientIp: undefined });
  if (opened === undefined) return -1;
  if (!('exchange' in opened)) return undefined;
  const { exchange } = opened;
  const result = exchange.requestHeaders('none');
  if (result instanceof Promise) throw new Error('a module in this process answers at once');
  exchange.end('completed', 0);
  return Number(exchange.request.headers.first(MARK) ?? -1);
}

/** Bytes that change a module's digest and nothing else. */
function customSection(text: string): Buffer {
  const content = Buffer.from(`\u0005stamp${text}`, 'latin1');
  return Buffer.concat([Buffer.from([0, content.length]), content]);
}
