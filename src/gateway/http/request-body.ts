/** Reads the body of a request without taking it away from whoever reads it next. */

import type { IncomingMessage } from 'node:http';
import type { OpenExchange } from './policy-gate.ts';

/**
 * The whole body, up to `maxBytes`. It is put back before the stream can end: Node emits `end` a tick after the last byte
 * was read, and only while nothing is left to read, so what is put back in the same tick is read as if it had never been
 * gone.
 *
 * A body over the limit, or one that `bodies` has no room for, is not put back; the request can then only be refused.
 * Rejects when the client goes away.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  bodies?: OpenExchange['bodies'],
): Promise<Buffer | 'too-large' | 'no-room'> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      request.off('readable', read);
      request.off('error', fail);
      request.off('aborted', gone);
      request.off('close', gone);
    };
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const gone = (): void => fail(new Error('the client went away'));
    const read = (): void => {
      for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxBytes) {
          stop();
          resolve('too-large');
          return;
        }
        if (bodies?.hold(chunk.length) === false) {
          stop();
          resolve('no-room');
          return;
        }
      }
      if (!request.complete) return;
      stop();
      const content = Buffer.concat(chunks, size);
      if (size > 0) request.unshift(content);
      resolve(content);
    };
    request.on('readable', read);
    request.on('error', fail);
    request.on('aborted', gone);
    request.on('close', gone);
    // The body may have arrived whole before anybody listened.
    if (request.complete) queueMicrotask(read);
  });
}

/** Puts another body in the place of the one that was put back; within one tick, as above. */
export function replaceBody(request: IncomingMessage, content: Uint8Array): void {
  while (request.read() !== null);
  if (content.length > 0) request.unshift(Buffer.from(content));
}
