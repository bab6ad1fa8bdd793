/** Remembers bulk answers with their validators, so that a relay can say "unchanged" instead of sending them again. */

import type { Resolution } from './resolution.ts';

export interface BulkAnswer {
  readonly resolutions: readonly Resolution[];
  readonly validator: string;
  /** Size of the body it came in. */
  readonly bytes: number;
}

const MAX_ANSWERS = 64;
const MAX_BYTES = 8_388_608;

/** The least recently used answers go first. Nothing here is served unless the relay confirms it. */
export class BulkMemory {
  /** By the question: the context with its list of flags. In the order of use. */
  readonly #answers = new Map<string, BulkAnswer>();
  #bytes = 0;

  get(question: string): BulkAnswer | undefined {
    const answer = this.#answers.get(question);
    if (answer === undefined) return undefined;
    this.#answers.delete(question);
    this.#answers.set(question, answer);
    return answer;
  }

  put(question: string, answer: BulkAnswer): void {
    this.delete(question);
    const bytes = sizeOf(question, answer);
    if (bytes > MAX_BYTES) return;
    this.#answers.set(question, answer);
    this.#bytes += bytes;
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MAX_ANSWERS && this.#bytes <= MAX_BYTES) break;
      this.delete(oldest);
    }
  }

  delete(question: string): void {
    const answer = this.#answers.get(question);
    if (answer === undefined) return;
    this.#answers.delete(question);
    this.#bytes -= sizeOf(question, answer);
  }

  clear(): void {
    this.#answers.clear();
    this.#bytes = 0;
  }

  describe(): { answers: number; bytes: number } {
    return { answers: this.#answers.size, bytes: this.#bytes };
  }
}

function sizeOf(question: string, answer: BulkAnswer): number {
  return 2 * (question.length + answer.bytes);
}
