/** Which actions are allowed: every field is looked at before any of it is applied. */

import type { Action, AuthLayer, ImmediateResponse, RequestChanges, ResponseChanges } from '../model/actions.ts';
import type { HeaderChanges, HeaderPair } from '../model/headers.ts';
import { directionOf, Phase } from '../model/phases.ts';

/** What the manifest of a policy allows beyond the rules for all. */
export interface ActionGrants {
  /** May touch the headers of one connection. */
  readonly hopByHop?: boolean;
  /** Keys of the shared metadata it may write; absent: any. */
  readonly metadataWrites?: ReadonlySet<string>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const METHOD = /^[A-Z][A-Z0-9!#$%&'*+\-.^_`|~]*$/;
/** One byte a character, and none that could end the line. */
const VALUE = /^[^\0\r\n\u0100-\uffff]*$/;
const PATH = /^[^\0-\x20\x7f#]*$/;

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Envoy's limit of one header value. */
const MAX_VALUE_BYTES = 16_384;
const MAX_PATH_BYTES = 8_192;
const MAX_HOST_BYTES = 255;

/** Why an action may not be applied in a phase; `undefined` when it may. */
export function actionFault(action: Action, phase: Phase, grants: ActionGrants = {}): string | undefined {
  switch (action.kind) {
    case 'request-changes':
      return directionOf(phase) === 'request' && !isChunk(phase)
        ? requestFault(action, phase, grants)
        : misplaced(action.kind, phase);
    case 'response-changes':
      return directionOf(phase) === 'response' && !isChunk(phase)
        ? responseFault(action, phase, grants)
        : misplaced(action.kind, phase);
    case 'immediate':
      return isChunk(phase) ? misplaced(action.kind, phase) : immediateFault(action, grants);
    case 'forward':
      return isChunk(phase) ? undefined : misplaced(action.kind, phase);
    case 'terminate':
      return phase === Phase.responseBodyChunk ? undefined : misplaced(action.kind, phase);
  }
}

function isChunk(phase: Phase): boolean {
  return phase === Phase.requestBodyChunk || phase === Phase.responseBodyChunk;
}

function misplaced(kind: string, phase: Phase): string {
  const name = Object.keys(Phase).find((key) => Phase[key as keyof typeof Phase] === phase);
  return `${kind} is no answer to the phase ${name}`;
}

function requestFault(action: RequestChanges, phase: Phase, grants: ActionGrants): string | undefined {
  const { path, host, method, body } = action;
  if (body !== undefined && phase !== Phase.requestBody) return 'a body cannot be given before the body phase';
  if (path !== undefined && !isPath(path)) {
    return `path must begin with "/", hold no control characters, spaces or "#", and be at most ${MAX_PATH_BYTES} bytes`;
  }
  if (host !== undefined && (host === '' || host.length > MAX_HOST_BYTES || !PATH.test(host) || /[/?@\\]/.test(host))) {
    return 'host must be a host name with an optional port';
  }
  if (method !== undefined && !METHOD.test(method)) return 'method must be an upper-case token';
  return headersFault(action.headers, grants) ?? overlayFault(action.overlay) ?? authFault(action.auth);
}

function responseFault(action: ResponseChanges, phase: Phase, grants: ActionGrants): string | undefined {
  const { status, body } = action;
  if (body !== undefined && phase !== Phase.responseBody) return 'a body cannot be given before the body phase';
  if (status !== undefined && !isStatus(status)) return `status must be from 200 to 599, not ${status}`;
  return headersFault(action.headers, grants) ?? overlayFault(action.overlay) ?? authFault(action.auth);
}

function immediateFault(action: ImmediateResponse, grants: ActionGrants): string | undefined {
  if (!isStatus(action.status)) return `status must be from 200 to 599, not ${action.status}`;
  return pairsFault(action.headers ?? [], grants);
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

function isPath(path: string): boolean {
  if (Buffer.byteLength(path, 'utf8') > MAX_PATH_BYTES) return false;
  return path === '*' || (path.startsWith('/') && PATH.test(path));
}

function headersFault(changes: HeaderChanges | undefined, grants: ActionGrants): string | undefined {
  if (changes === undefined) return undefined;
  const { set = [], append = [], remove = [] } = changes;
  for (const name of remove) {
    const fault = nameFault(name, grants);
    if (fault !== undefined) return fault;
  }
  return pairsFault(set, grants) ?? pairsFault(append, grants);
}

/** An overlay never reaches the wire, so names of the engine's own are harmless there. */
function overlayFault(changes: HeaderChanges | undefined): string | undefined {
  return headersFault(changes, { hopByHop: true });
}

function pairsFault(pairs: readonly HeaderPair[], grants: ActionGrants): string | undefined {
  for (const [name, value] of pairs) {
    const fault = nameFault(name, grants);
    if (fault !== undefined) return fault;
    if (value.length > MAX_VALUE_BYTES) return `the value of ${name} is longer than ${MAX_VALUE_BYTES} bytes`;
    if (!VALUE.test(value)) return `the value of ${name} holds CR, LF, NUL, or a character beyond one byte`;
  }
  return undefined;
}

function nameFault(name: string, { hopByHop = false }: ActionGrants): string | undefined {
  if (name.startsWith(':')) return `header ${JSON.stringify(name)} belongs to the protocol`;
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is no header name`;
  if (!hopByHop && HOP_BY_HOP.has(name.toLowerCase()))
    return `header ${name} belongs to the connection; grant hopByHop`;
  return undefined;
}

function authFault(auth: AuthLayer | undefined): string | undefined {
  if (auth === undefined || auth.authType !== '') return undefined;
  return 'an auth layer must say its authType';
}
