/**
 * content-language as a component in JavaScript: says which language an answer is in, the first of the shop's that the visitor
 * reads.
 *
 *   languages   those of the shop, the one for everybody else first
 */

const NO_HEADERS = { set: [], append: [], remove: [] };

/** By handle. */
const languages = new Map();
let lastHandle = 0;

function first(headers, wanted) {
  const found = headers.find(([name]) => name === wanted);
  return found === undefined ? '' : new TextDecoder().decode(found[1]);
}

/** `nl;q=0.8, en` as it is wished for: `en`, `nl`. */
function wishes(header) {
  return header
    .split(',')
    .map((part) => {
      const [tag, ...more] = part.split(';').map((text) => text.trim());
      const weight = Number(more.find((text) => text.startsWith('q='))?.slice(2) ?? 1);
      return { language: tag.toLowerCase().split('-')[0], weight };
    })
    .sort((one, other) => other.weight - one.weight);
}

/** What is thrown becomes the error of the hook. */
function unsupported() {
  throw { code: 'unsupported', message: '' };
}

export const guest = {
  plan: () => ['per-route', ''],

  init(_info, paramsJson) {
    languages.set(++lastHandle, JSON.parse(paramsJson).languages);
    const modes = { requestHeaders: 'skip', requestBody: 'skip', responseHeaders: 'process', responseBody: 'skip' };
    return [lastHandle, modes];
  },

  destroy: (handle) => void languages.delete(handle),

  onResponseHeaders(handle, { request }) {
    const offered = languages.get(handle);
    const wish = wishes(first(request.headers, 'accept-language')).find(({ language }) => offered.includes(language));
    const value = new TextEncoder().encode(wish?.language ?? offered[0]);
    const headers = { ...NO_HEADERS, set: [['content-language', value]] };
    return { tag: 'changes', val: { headers, overlay: NO_HEADERS, observe: {} } };
  },

  onRequestHeaders: unsupported,
  onRequestBody: unsupported,
  onResponseBody: unsupported,
  needsMoreRequestData: () => false,
  needsMoreResponseData: () => false,
  onRequestChunk: unsupported,
  onResponseChunk: unsupported,
  onStreamEnd() {},
  exportState: () => undefined,
  importState: () => false,
};
