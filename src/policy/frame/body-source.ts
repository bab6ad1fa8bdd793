/** Which bytes the slices of an answer are taken from. */

import type { HookInput } from '../model/inputs.ts';
import { Phase } from '../model/phases.ts';

/** The body that slices in an answer refer to: the one the hook is about. */
export function sourceOf(phase: Phase, { request, response, chunk }: HookInput): Uint8Array | undefined {
  switch (phase) {
    case Phase.requestBody:
      return request.body.content;
    case Phase.responseBody:
      return response?.body.content;
    default:
      return chunk?.data;
  }
}
