/**
 * Whole bodies between a transport and policies: decoded before the body hooks, encoded once where they changed. What every
 * gateway shares; a body that nobody changed is forwarded in the bytes it came in, by whoever holds them.
 */

import type { HeaderMap } from '../../policy/model/headers.ts';
import type { Body } from '../../policy/model/views.ts';
import type { RequestMutation, ResponseMutation } from '../../policy/reduce/derive.ts';
import { type Coding, codingOf, toolsOf } from './content-coding.ts';
import { ceilingOf, type DecodingLimits } from './limits.ts';

/** `too-large`: it would become larger than it may. `undecodable`: it is not what its headers say. */
export type DecodeFault = 'too-large' | 'undecodable';

/** The body as policies see it. A coding that is unknown leaves it as it is, and says so. Never rejects. */
export function bodyForPolicies(
  raw: Uint8Array,
  headers: HeaderMap,
  limits: DecodingLimits,
): Body | Promise<Body | DecodeFault> {
  const coding = codingOf(headers);
  if (coding === 'identity' || raw.length === 0) return bodyOf(raw, false);
  return coding === 'unknown' ? bodyOf(raw, true) : decode(coding, raw, limits);
}

/** The bytes as they came, for a policy that can make something of them. */
export function undecodedBody(raw: Uint8Array): Body {
  return bodyOf(raw, true);
}

/**
 * A mutation as it goes to the wire: a body that policies changed is in the coding again in which it came. A policy that
 * took the coding away, or gave another, answers for the bytes itself.
 *
 * `received` and `final` are the headers before the chain and after it.
 */
export async function mutationForWire<Mutation extends RequestMutation | ResponseMutation>(
  mutation: Mutation,
  received: HeaderMap,
  final: HeaderMap,
): Promise<Mutation> {
  const { body } = mutation;
  const coding = codingOf(received);
  if (body === undefined || coding === 'identity' || coding === 'unknown' || codingOf(final) !== coding)
    return mutation;
  // Nothing at all is no member of any coding.
  if (body.length === 0) return { ...mutation, headers: without(mutation.headers, 'content-encoding') };
  const encoded = await encode(coding, body);
  const set = mutation.headers.set.filter(([name]) => name !== 'content-length');
  return {
    ...mutation,
    headers: { ...mutation.headers, set: [...set, ['content-length', [String(encoded.length)]]] },
    body: encoded,
  };
}

function without({ remove, set }: RequestMutation['headers'], name: string): RequestMutation['headers'] {
  return { remove: [...remove, name], set: set.filter(([other]) => other !== name) };
}

function bodyOf(content: Uint8Array, encoded: boolean): Body {
  return { content, present: true, endOfStream: true, truncated: false, ...(encoded ? { encoded } : {}) };
}

function decode(coding: Coding, raw: Uint8Array, limits: DecodingLimits): Promise<Body | DecodeFault> {
  const maxOutputLength = ceilingOf(raw.length, limits);
  return new Promise((resolve) => {
    toolsOf(coding).decodeWhole(raw, { maxOutputLength, info: true }, (error, result) => {
      if (error !== null) {
        resolve((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'undecodable');
        return;
      }
      const { buffer, engine } = result as {
        readonly buffer: Buffer;
        readonly engine: { readonly bytesWritten: number };
      };
      // What follows the end would reach the other side unseen by any policy.
      resolve(engine.bytesWritten < raw.length ? 'undecodable' : bodyOf(buffer, false));
    });
  });
}

function encode(coding: Coding, content: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    toolsOf(coding).encodeWhole(content, {}, (error, result) => {
      if (error === null) resolve(result as Buffer);
      else reject(error);
    });
  });
}
