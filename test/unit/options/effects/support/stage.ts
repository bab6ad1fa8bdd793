/** Where an option is tried: two relays, a clock and a log of the test's own, and the public classes with the option given. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, OpenFeature } from '@openfeature/server-sdk';
import type { EvaluatorEvent } from '../../../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../../../src/evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../../../../../src/evaluator/remote-evaluator.ts';
import type { JsonObject } from '../../../../../src/internal/json.ts';
import type { EdictOptions } from '../../../../../src/options/edict-options.ts';
import type { HeaderPurpose } from '../../../../../src/options/rows/connection.ts';
import { EdictProvider } from '../../../../../src/provider/edict-provider.ts';
import { FakeClock, settle } from '../../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../../relay/support/recording-logger.ts';
import { type Handler, json, ScriptedRelay, type SeenRequest } from '../../../relay/support/scripted-relay.ts';

export const USER = { targetingKey: 'u-1', email: 'ana@example.com' };

/** A configuration document whose flags have one variation each. */
export function documentOf(values: Readonly<Record<string, string>>): JsonObject {
  const flags = Object.entries(values).map(([key, value]) => {
    return [key, { variations: { v: value }, defaultRule: { variation: 'v' } }] as const;
  });
  return { flags: Object.fromEntries(flags) };
}

/** A configuration answer, with a validator that depends on its content. */
export function serving(document: JsonObject): Handler {
  const body = JSON.stringify(document);
  return json(body, { etag: `"${body.length}"` });
}

export const down: Handler = ({ socket }) => void socket.destroy();
export const silent: Handler = () => undefined;

/** The relay answers everything by itself; a scenario changes what it needs otherwise. */
class StageRelay {
  configuration = serving(documentOf({ flag: 'relay' }));
  change: Handler = json('{"hash":1,"flags":{"flag":1}}', { etag: '"1"' });
  evaluation: Handler = (exchange) => {
    const key = exchange.request.path.split('/').at(-1);
    const metadata = { gofeatureflag_cacheable: true };
    json(JSON.stringify({ key, value: 'evaluated', reason: 'STATIC', variant: 'v', metadata }))(exchange);
  };
  collector = json('{"ingestedContentCount":1}');
  policies: Handler = json('{"schema":1,"routes":[]}');
  stream: Handler = ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.tellOfChange = () => void response.write('data: {}\n\n');
  };
  tellOfChange: () => void = () => undefined;

  readonly answer: Handler = (exchange) => {
    const { path } = exchange.request;
    if (path.endsWith('/v1/flag/configuration')) this.configuration(exchange);
    else if (path.endsWith('/v1/flag/change')) this.change(exchange);
    else if (path.includes('/ofrep/')) this.evaluation(exchange);
    else if (path.endsWith('/v1/data/collector')) this.collector(exchange);
    else if (path.endsWith('/v1/policy/configuration')) this.policies(exchange);
    else if (path.endsWith('/v1/policy/status')) this.collector(exchange);
    else this.stream(exchange);
  };
}

/** A request as it was begun. */
interface Begun {
  readonly purpose: HeaderPurpose;
  /** On the clock of the stage, from its beginning. */
  readonly atMs: number;
}

const DAY_MS = 86_400_000;

let domains = 0;

export class Stage {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events: EvaluatorEvent[] = [];
  readonly begun: Begun[] = [];
  readonly answers = new StageRelay();
  readonly relay: ScriptedRelay;
  /** Answers like the first. */
  readonly otherRelay: ScriptedRelay;
  /** The option that is tried; empty for its default. */
  given: EdictOptions = {};
  readonly #closing: (() => unknown)[] = [];
  readonly #beganMs = this.clock.monotonic();
  #folder: string | undefined;

  private constructor(relay: ScriptedRelay, otherRelay: ScriptedRelay) {
    this.relay = relay;
    this.otherRelay = otherRelay;
    relay.handler = this.answers.answer;
    otherRelay.handler = this.answers.answer;
  }

  static async open(): Promise<Stage> {
    return new Stage(await ScriptedRelay.start(), await ScriptedRelay.start());
  }

  get now(): number {
    return this.clock.monotonic() - this.#beganMs;
  }

  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'edict-effects-'));
    return this.#folder;
  }

  provider(options: EdictOptions = {}): EdictProvider {
    const provider = new EdictProvider(this.#with(options));
    provider.evaluator.onChange((event) => this.events.push(event));
    this.#closing.push(() => this.#end(provider.onClose()));
    return provider;
  }

  /** A started provider behind the SDK. */
  async client(options: EdictOptions = {}): Promise<{ readonly client: Client; readonly provider: EdictProvider }> {
    const provider = this.provider(options);
    domains++;
    const domain = `effects-${domains}`;
    await OpenFeature.setProviderAndWait(domain, provider);
    return { client: OpenFeature.getClient(domain), provider };
  }

  inProcess(options: EdictOptions = {}): InProcessEvaluator {
    const evaluator = new InProcessEvaluator(this.#with(options));
    evaluator.onChange((event) => this.events.push(event));
    this.#closing.push(() => evaluator.close(0));
    return evaluator;
  }

  remote(options: EdictOptions = {}): RemoteEvaluator {
    const evaluator = new RemoteEvaluator(this.#with(options));
    this.#closing.push(() => evaluator.close(0));
    return evaluator;
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
    await this.relay.close();
    await this.otherRelay.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Requests of the first relay whose path ends like this. */
  requests(pathEnd: string): SeenRequest[] {
    return this.relay.requests.filter(({ path }) => (path.split('?')[0] as string).endsWith(pathEnd));
  }

  /** Batches as they came to the collector, each a list of events. */
  get batches(): JsonObject[][] {
    const posts = this.requests('/v1/data/collector');
    return posts.map(({ body }) => (JSON.parse(body) as { events: JsonObject[] }).events);
  }

  /** Time passes until a request for this purpose begins; how long that took, or that it did not within a day. */
  async nextRequest(purpose: HeaderPurpose): Promise<number | 'never'> {
    const from = this.now;
    const seen = this.#beginnings(purpose).length;
    while (this.now - from < DAY_MS) {
      const next = this.#beginnings(purpose)[seen];
      if (next !== undefined) return Math.round(next.atMs - from);
      await this.clock.advance(900_000);
      await settleWell();
    }
    return 'never';
  }

  /** Time passes in steps until the promise settles; how long that took. */
  async timeOf(work: Promise<unknown>, stepMs = 100): Promise<number> {
    const from = this.now;
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    work.then(settled, settled);
    await settleWell();
    while (!isSettled && this.now - from < DAY_MS) {
      await this.clock.advance(stepMs);
      await settleWell();
    }
    return this.now - from;
  }

  #beginnings(purpose: HeaderPurpose): Begun[] {
    return this.begun.filter((one) => one.purpose === purpose);
  }

  /** Real sockets on a clock that stands still: no deadline passes unless a scenario lets it. */
  #with(options: EdictOptions): EdictOptions {
    const headers = (purpose: HeaderPurpose): Record<string, string> => {
      this.begun.push({ purpose, atMs: this.now });
      return {};
    };
    const { clock, logger } = this;
    const own = { endpoint: this.relay.url, timeoutMs: 3_600_000, random: () => 0.5, clock, logger, headers };
    return { ...own, ...options, ...this.given };
  }

  /** A close that waits for a collector which will not answer ends by the clock. */
  async #end(closed: Promise<void>): Promise<void> {
    await this.timeOf(closed, 5_000);
  }
}

/** Lets chains of promises, and what undici puts between them, come to their end. */
async function settleWell(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle();
}

/** Real time passes until it holds; the test's own limit bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}
