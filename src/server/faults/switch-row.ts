/** What a fault switch is: the form of its text, the routes it can be set on, and what it does at which stage of an answer. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, StreamAnswer } from '../answer.ts';
import type { FaultRoute } from './fault-routes.ts';
import type { Holds } from './holds.ts';

/** A request as the first stage sees it. */
export interface FaultExchange {
  /** Without the query, which may hold a key. */
  readonly path: string;
  /** The validator the client named, also where it is hidden from the route. */
  readonly ifNoneMatch: string | undefined;
  /** What the route itself answers. Asking is optional: a switch that does not ask leaves the route without the request. */
  own(): Promise<Answer>;
}

/** An answer that a switch puts on the wire itself. */
export interface Delivery {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: Answer;
  readonly holds: Holds;
}

/** The stages in the order they act in. A fault has at most one switch of each, of `headers` any number. */
export type Action =
  /** Decides what is answered. */
  | { readonly stage: 'answer'; readonly act: (exchange: FaultExchange) => Promise<Answer> }
  /** Changes the validator of a 200. */
  | { readonly stage: 'validator'; readonly act: (answer: Answer) => string | undefined }
  /** Adds headers; `undefined` removes one. */
  | { readonly stage: 'headers'; readonly act: () => Readonly<Record<string, string | undefined>> }
  /** Waits, in milliseconds. */
  | { readonly stage: 'delay'; readonly act: () => number }
  /** Puts the answer on the wire, or not. */
  | { readonly stage: 'delivery'; readonly act: (delivery: Delivery) => Promise<void> | void }
  /** Changes what a change stream says. */
  | { readonly stage: 'stream'; readonly act: (own: StreamAnswer, holds: Holds) => StreamAnswer };

export interface SwitchRow {
  readonly routes: readonly FaultRoute[];
  /** What follows the colon, and the rule it obeys; absent: nothing may follow. */
  readonly parameter?: { readonly form: string; readonly rule: string };
  /** One line for people. */
  readonly effect: string;
  /** The route must give its body even to a client that names the right validator: there is nothing to spoil in a 304. */
  readonly needsBody?: true;
  /** The action of one fault, with a state of its own; `undefined` when the parameter breaks its rule. */
  readonly make: (parameter: string) => Action | undefined;
}

/** The number a text of digits says, when it is in range. */
export function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
