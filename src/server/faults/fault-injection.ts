/** Stands between the routes and the wire, and spoils what passes as the faults in force say. */

import type { Answer, StreamAnswer } from '../answer.ts';
import type { LayerExchange } from '../http.ts';
import { FaultBoard } from './fault-board.ts';
import { faultRouteOf } from './fault-routes.ts';
import { Holds } from './holds.ts';
import type { Fault } from './parse-fault.ts';

export class FaultInjection {
  readonly board = new FaultBoard();
  readonly #holds = new Holds();

  /** Gives what is to be written; `undefined` when the fault takes care of the response itself. */
  async answer(exchange: LayerExchange): Promise<Answer | StreamAnswer | undefined> {
    const { request, path, own } = exchange;
    const route = faultRouteOf(request.method ?? '', path);
    if (route === undefined) return own();
    const fault = this.board.take(route, request.headers['if-none-match']);
    return fault === undefined ? own() : this.#spoil(fault, exchange);
  }

  /** Ends every response that a fault holds. */
  close(): void {
    this.#holds.close();
  }

  async #spoil(fault: Fault, { request, response, path, own }: LayerExchange) {
    const ifNoneMatch = request.headers['if-none-match'];
    if (fault.needsBody) delete request.headers['if-none-match'];
    const unspoilt = async (): Promise<Answer> => {
      const answer = await own();
      // Switches that ask for the route's answer are refused on streams; a stream has none to give.
      return 'stream' in answer ? { status: 200 } : answer;
    };
    const decided = await (fault.answer?.({ path, ifNoneMatch, own: unspoilt }) ?? own());
    if ('stream' in decided && fault.delivery === undefined) {
      return fault.stream?.(decided, this.#holds) ?? decided;
    }
    const answer = withHeaders('stream' in decided ? { status: 200 } : decided, fault);
    if (fault.delay !== undefined && !(await this.#holds.wait(response, fault.delay()))) return undefined;
    if (fault.delivery === undefined) return answer;
    await fault.delivery({ request, response, answer, holds: this.#holds });
    return undefined;
  }
}

function withHeaders(answer: Answer, fault: Fault): Answer {
  let headers: Record<string, string | undefined> = { ...answer.headers };
  if (fault.validator !== undefined && answer.status === 200) headers.ETag = fault.validator(answer);
  for (const change of fault.headers) headers = { ...headers, ...change() };
  const present = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...answer, headers: Object.fromEntries(present) };
}
