/** An answer as a client library gives it: status and headers are there, the body is still on its way. */

import type { Readable } from 'node:stream';

import type { AnswerHeaders } from './answer-headers.ts';

export interface RawAnswer {
  readonly statusCode: number;
  readonly headers: AnswerHeaders;
  readonly body: Readable;
}
