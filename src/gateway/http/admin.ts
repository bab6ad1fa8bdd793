/** The administration of an engine over HTTP: what it is doing, and the few things an operator may ask of it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusedAccess } from './admin-access.ts';

/** What of an engine is administered; what it does not offer is answered 501. */
export interface AdminEngine {
  describe(): { readonly state: string };
  readiness?(): { readonly isReady: boolean };
  tenants?(): readonly { readonly tenant: string; readonly isServing: boolean }[];
  packages?(): readonly { readonly name: string }[];
  /** Undefined: there is no such policy. */
  test?(name: string): Promise<{ readonly passed: boolean } | undefined>;
  rollback?(tenant: string, revision?: string): Promise<{ readonly outcome: string }>;
  /** Undefined: there is nothing to read again. */
  refresh?(): Promise<{ readonly outcome: string } | undefined>;
  configDump?(): unknown;
}

/** What `policyAdmin` takes beside the engine. */
export interface PolicyAdminOptions {
  /** Required of every request but those for health and readiness, as `Authorization: Bearer …`. Without it only this machine is served. */
  readonly token?: string;
  /** Serve `/config_dump`. Default false. */
  readonly configDump?: boolean;
}

/** A listener of `node:http`. */
export type PolicyAdmin = (request: IncomingMessage, response: ServerResponse) => void;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Handler = (engine: AdminEngine, parameter: string, query: URLSearchParams) => Answer | Promise<Answer>;

interface Row {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  /** Answered to anybody, without details: probes have no token. */
  readonly isOpen?: boolean;
  readonly handle: Handler;
}

const NOT_OFFERED: Answer = { status: 501, body: { error: 'Not offered by this engine' } };
const NOT_FOUND: Answer = { status: 404, body: { error: 'Not found' } };
const CONFIG_DUMP = '/config_dump';

const ROWS: readonly Row[] = [
  { method: 'GET', path: /^\/health$/, isOpen: true, handle: () => ({ status: 200, body: { status: 'ok' } }) },
  { method: 'GET', path: /^\/ready$/, isOpen: true, handle: ready },
  { method: 'GET', path: /^\/ready\/([^/]+)$/, isOpen: true, handle: tenantReady },
  {
    method: 'GET',
    path: /^\/status$/,
    handle: (engine) =>
      ok({ ...engine.describe(), ...(engine.tenants === undefined ? {} : { tenants: engine.tenants() }) }),
  },
  {
    method: 'GET',
    path: /^\/config_dump$/,
    handle: (engine) => (engine.configDump === undefined ? NOT_OFFERED : ok(engine.configDump())),
  },
  {
    method: 'GET',
    path: /^\/policies$/,
    handle: (engine) => (engine.packages === undefined ? NOT_OFFERED : ok({ policies: engine.packages() })),
  },
  { method: 'POST', path: /^\/policies\/([^/]+)\/test$/, handle: test },
  { method: 'POST', path: /^\/tenants\/([^/]+)\/rollback$/, handle: rollback },
  { method: 'POST', path: /^\/refresh$/, handle: refresh },
];

/**
 * Answers `GET /health`, `/ready`, `/ready/{tenant}`, `/status`, `/policies`, `/config_dump` and `POST /policies/{name}/test`,
 * `/tenants/{id}/rollback` (`?revision=`), `/refresh` in JSON. Keep it on a port of its own.
 *
 * Throws a `TypeError` for an empty token.
 *
 * @example
 * createServer(policyAdmin(engine)).listen(9090, '127.0.0.1');
 */
export function policyAdmin(engine: AdminEngine, options: PolicyAdminOptions = {}): PolicyAdmin {
  const { token, configDump = false } = options;
  if (token === '') throw new TypeError('an empty token is no token');
  return (request, response) => {
    const { url = '/' } = request;
    // A target that is no path is none of these.
    const { pathname, searchParams } = new URL(
      url.startsWith('/') && !url.startsWith('//') ? url : '/',
      'http://admin',
    );
    const rows = ROWS.filter(({ path }) => path.test(pathname) && (configDump || pathname !== CONFIG_DUMP));
    const refusal = rows.some(({ isOpen }) => isOpen) ? undefined : refusedAccess(request, token);
    if (refusal !== undefined) {
      send(response, { status: refusal, body: { error: refusal === 401 ? 'Unauthorized' : 'Forbidden' } });
      return;
    }
    const row = rows.find(({ method }) => method === request.method);
    if (row === undefined) {
      const [other] = rows;
      if (other !== undefined) response.setHeader('allow', other.method);
      send(response, other === undefined ? NOT_FOUND : { status: 405, body: { error: 'Method not allowed' } });
      return;
    }
    const parameter = decoded(row.path.exec(pathname)?.[1] ?? '');
    // What an engine throws is for its own log; who asks learns that it failed.
    const answering = (async () => row.handle(engine, parameter, searchParams))();
    answering.then(
      (answer) => send(response, answer),
      () => send(response, { status: 500, body: { error: 'Internal error' } }),
    );
  };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function ready(engine: AdminEngine): Answer {
  const isReady = engine.readiness?.().isReady ?? engine.describe().state === 'ready';
  return { status: isReady ? 200 : 503, body: { ready: isReady } };
}

/** Who is not there is not told apart from who does not serve. */
function tenantReady(engine: AdminEngine, tenant: string): Answer {
  if (engine.tenants === undefined) return NOT_OFFERED;
  const isReady = engine.tenants().some((one) => one.tenant === tenant && one.isServing);
  return { status: isReady ? 200 : 503, body: { ready: isReady } };
}

async function test(engine: AdminEngine, name: string): Promise<Answer> {
  if (engine.test === undefined) return NOT_OFFERED;
  const report = await engine.test(name);
  return report === undefined ? NOT_FOUND : ok(report);
}

async function rollback(engine: AdminEngine, tenant: string, query: URLSearchParams): Promise<Answer> {
  if (engine.rollback === undefined) return NOT_OFFERED;
  return outcome(await engine.rollback(tenant, query.get('revision') ?? undefined));
}

async function refresh(engine: AdminEngine): Promise<Answer> {
  const report = await engine.refresh?.();
  return report === undefined ? NOT_OFFERED : outcome(report);
}

/** A refusal is a conflict with what the engine holds, and keeps what serves. */
function outcome(report: { readonly outcome: string }): Answer {
  return { status: report.outcome === 'refused' ? 409 : 200, body: report };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}
