/**
 * four-hooks as a component in JavaScript: each header hook looks at a header and sets one, each body hook puts a prefix
 * before the body. The twin of assembly/policies/four-hooks.
 *
 *   prefix   text before bodies; default `[seen] `
 */

const NOTHING_OBSERVED = {};
const NO_HEADERS = { set: [], append: [], remove: [] };

/** By handle. */
const prefixes = new Map();
let lastHandle = 0;

function setting(name, value) {
  return { ...NO_HEADERS, set: [[name, value]] };
}

/** The first value of a header. */
function first(headers, wanted) {
  return headers.find(([name]) => name === wanted)?.[1];
}

function requestChanges(part) {
  const lists = { queryAdd: [], querySet: [], queryRemove: [] };
  const val = { headers: NO_HEADERS, overlay: NO_HEADERS, ...lists, observe: NOTHING_OBSERVED, ...part };
  return { tag: 'changes', val };
}

function responseChanges(part) {
  return { tag: 'changes', val: { headers: NO_HEADERS, overlay: NO_HEADERS, observe: NOTHING_OBSERVED, ...part } };
}

function prefixed(handle, body) {
  const prefix = prefixes.get(handle);
  // What is thrown becomes the error of the hook.
  if (prefix === undefined) throw { code: 'no-instance', message: '' };
  const content = body?.content ?? new Uint8Array(0);
  const whole = new Uint8Array(prefix.length + content.length);
  whole.set(prefix);
  whole.set(content, prefix.length);
  return whole;
}

export const guest = {
  plan: () => ['per-route', ''],

  init(_info, paramsJson) {
    const { prefix } = JSON.parse(paramsJson);
    prefixes.set(++lastHandle, new TextEncoder().encode(typeof prefix === 'string' ? prefix : '[seen] '));
    const modes = {
      requestHeaders: 'process',
      requestBody: 'buffer',
      responseHeaders: 'process',
      responseBody: 'buffer',
    };
    return [lastHandle, modes];
  },

  destroy(handle) {
    prefixes.delete(handle);
  },

  onRequestHeaders(_handle, { head }) {
    const agent = first(head.headers, 'user-agent');
    return agent && requestChanges({ headers: setting('x-seen-agent', agent) });
  },

  onRequestBody(handle, { head, body }) {
    const agent = first(head.headers, 'user-agent');
    const headers = agent ? setting('x-seen-agent', agent) : NO_HEADERS;
    return requestChanges({ headers, body: prefixed(handle, body) });
  },

  onResponseHeaders(_handle, { head }) {
    const type = first(head.headers, 'content-type');
    return type && responseChanges({ headers: setting('x-seen-type', type) });
  },

  onResponseBody(handle, { body }) {
    return responseChanges({ body: prefixed(handle, body) });
  },

  needsMoreRequestData: () => false,
  needsMoreResponseData: () => false,

  onRequestChunk() {
    throw { code: 'unsupported', message: '' };
  },

  onResponseChunk() {
    throw { code: 'unsupported', message: '' };
  },

  onStreamEnd() {},
  exportState: () => undefined,
  importState: () => false,
};
