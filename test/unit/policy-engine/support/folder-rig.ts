/** A folder of policies that a test writes, and a service on loopback behind an engine. */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type PolicyMiddlewareOptions, policyMiddleware } from '../../../../src/gateway/http/index.ts';
import {
  type DefinedPolicy,
  definePolicy,
  type LoadReport,
  PolicyEngine,
  type PolicyEngineOptions,
} from '../../../../src/policy-engine/index.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';

export const moduleBytes = (name: string): Promise<Buffer> =>
  readFile(fileURLToPath(new URL(`../../../../wasm/policies/${name}.wasm`, import.meta.url)));

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export class FolderRig {
  readonly path: string;
  readonly logger = new RecordingLogger();

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<FolderRig> {
    const path = await mkdtemp(join(tmpdir(), 'edict-policies-'));
    onTestFinished(() => rm(path, { recursive: true, force: true }));
    return new FolderRig(path);
  }

  /** Writes `policies.yaml`. */
  async configure(text: string): Promise<void> {
    await writeFile(join(this.path, 'policies.yaml'), text);
  }

  /** A policy made of one of the built modules; `more` are further lines of its manifest. Gives the module's digest. */
  async add(name: string, processing: string, more = '', folder = name, file?: URL): Promise<string> {
    const bytes = file === undefined ? await moduleBytes(name) : await readFile(file);
    await mkdir(join(this.path, folder), { recursive: true });
    await writeFile(join(this.path, folder, 'module.wasm'), bytes);
    const digest = digestOf(bytes);
    await writeFile(
      join(this.path, folder, 'policy.yaml'),
      `apiVersion: edict/v1\nname: ${name}\nversion: v1.0.0\nmodule: { file: module.wasm, sha256: '${digest}' }\n` +
        `processing: ${processing}\n${more}\n`,
    );
    return digest;
  }

  engine(options: PolicyEngineOptions = {}): PolicyEngine {
    const engine = new PolicyEngine({ watch: false, logger: this.logger, ...options });
    onTestFinished(() => engine.close());
    return engine;
  }

  /** An engine that has loaded the folder. */
  async loaded(options: PolicyEngineOptions = {}): Promise<PolicyEngine> {
    const engine = this.engine(options);
    await engine.load(this.path);
    return engine;
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks the service: `ask('/pets')`, `ask('/pets', { headers })`. The path is sent as it is. */
export type Ask = (
  path: string,
  given?: { readonly method?: string; readonly headers?: Record<string, string> },
) => Promise<Reply>;

/** A service that answers with the headers it was called with, behind the engine. */
export async function serve(engine: PolicyEngine, options: PolicyMiddlewareOptions = {}): Promise<Ask> {
  const middleware = policyMiddleware(engine, options);
  const server = createServer((request, response) =>
    middleware(request, response, () => response.end(JSON.stringify(request.headers))),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return (path, { method = 'GET', headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const request = send({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      request.on('error', reject).end();
    });
}

/** A native policy that puts a header on requests. */
export function marking(name: string, value = 'yes'): DefinedPolicy {
  return definePolicy({
    name,
    hooks: {
      onRequestHeaders: () => ({ kind: 'request-changes', headers: { set: [[`x-${name}`, value]] } }),
    },
  });
}

/** The next report of an engine. */
export function nextReport(engine: PolicyEngine): Promise<LoadReport> {
  return new Promise((resolve) => {
    const stop = engine.onChange((report) => {
      stop();
      resolve(report);
    });
  });
}
