/**
 * remove-headers as a native policy, the twin of assembly/policies/remove-headers: takes headers out, the same for every
 * exchange. `requestHeaders` and `responseHeaders` are lists of `{ name }`.
 */

import type { JsonValue } from '../../internal/json.ts';
import { type NativeHooks, NativePolicy } from '../native/native-policy.ts';
import { listOf, objectOf, refuse, textOf } from './read-params.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const removeHeaders = new NativePolicy(
  'remove-headers',
  'v1.0.0',
  ({ requestHeaders, responseHeaders }): NativeHooks => {
    const request = namesOf(requestHeaders, '/requestHeaders');
    const response = namesOf(responseHeaders, '/responseHeaders');
    if (request.length + response.length === 0) {
      refuse('', 'give at least one of requestHeaders and responseHeaders');
    }
    const onRequest = Object.freeze({ kind: 'request-changes' as const, headers: { remove: request } });
    const onResponse = Object.freeze({ kind: 'response-changes' as const, headers: { remove: response } });
    return {
      modes: {
        requestHeaders: request.length === 0 ? 'skip' : 'process',
        responseHeaders: response.length === 0 ? 'skip' : 'process',
      },
      ...(request.length === 0 ? {} : { onRequestHeaders: () => onRequest }),
      ...(response.length === 0 ? {} : { onResponseHeaders: () => onResponse }),
    };
  },
);

function namesOf(list: JsonValue | undefined, path: string): readonly string[] {
  return listOf(list).map((item, index) => {
    const name = textOf(objectOf(item).name);
    if (name === '') return refuse(`${path}/${index}`, 'the name is missing');
    return TOKEN.test(name) ? name.toLowerCase() : refuse(`${path}/${index}`, 'the name is no header name');
  });
}
