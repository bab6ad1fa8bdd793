/** A remote evaluator on a clock the test owns, against a relay whose probe and evaluations answer what the test says. */

import { onTestFinished } from 'vitest';
import type { EvaluatorEvent } from '../../../../src/evaluator/abstract-evaluator.ts';
import { RemoteEvaluator } from '../../../../src/evaluator/remote-evaluator.ts';
import type { Resolution } from '../../../../src/evaluator/resolution.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import { type Handler, json, ScriptedRelay, type SeenRequest } from '../../relay/support/scripted-relay.ts';

/** The probe's 200 for flags and their hashes. */
export function hashes(flags: Readonly<Record<string, number>>, headers: Record<string, string> = {}): Handler {
  const hash = Object.values(flags).reduce((sum, one) => sum + one, 0);
  return json(JSON.stringify({ hash, flags }), headers);
}

/** A single evaluation's 200, for whichever flag is asked for. */
export function value(members: object): Handler {
  return (exchange) => {
    const key = decodeURIComponent(exchange.request.path.split('/').at(-1) ?? '');
    json(JSON.stringify({ key, reason: 'STATIC', variant: 'v', ...members }))(exchange);
  };
}

/** Gives no answer at all, and breaks the connection. */
export const reset: Handler = ({ socket }) => socket.destroy();

/** Waits for what other machines would take their time for; a test that waits in vain fails by its own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}

export class RemoteBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events: EvaluatorEvent[] = [];
  readonly relay: ScriptedRelay;
  readonly evaluator: RemoteEvaluator;
  probe: Handler = hashes({ a: 1, b: 2 }, { etag: '"1"' });
  single: Handler = value({ value: 'here' });
  bulk: Handler = json('{"flags":[]}');

  private constructor(relay: ScriptedRelay, options: EdictOptions) {
    this.relay = relay;
    relay.handler = (exchange) => {
      const { path } = exchange.request;
      const handler = path === '/v1/flag/change' ? this.probe : path.endsWith('/flags') ? this.bulk : this.single;
      handler(exchange);
    };
    const { clock, logger } = this;
    this.evaluator = new RemoteEvaluator({ endpoint: relay.url, clock, logger, random: () => 0.5, ...options });
    this.evaluator.onChange((event) => this.events.push(event));
  }

  static async make(options: EdictOptions = {}): Promise<RemoteBench> {
    const bench = new RemoteBench(await ScriptedRelay.start(), options);
    onTestFinished(async () => {
      await bench.evaluator.close(0);
      await bench.relay.close();
    });
    return bench;
  }

  /** The same, started. */
  static async started(options: EdictOptions = {}): Promise<RemoteBench> {
    const bench = await RemoteBench.make(options);
    await bench.evaluator.initialize();
    return bench;
  }

  get probes(): SeenRequest[] {
    return this.relay.requests.filter(({ path }) => path === '/v1/flag/change');
  }

  get evaluations(): SeenRequest[] {
    return this.relay.requests.filter(({ path }) => path.startsWith('/ofrep/'));
  }

  get eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Goes on to the next probe, and waits until its consequences are there. */
  async nextProbe(afterMs = 120_000): Promise<void> {
    const polls = this.#polls();
    await this.clock.advance(afterMs);
    await until(() => this.#polls() > polls);
  }

  /** Lets what is on the wire arrive, then time pass: less than a request's deadline. */
  async pass(ms: number): Promise<void> {
    for (let i = 0; i < 20; i++) await settle();
    await this.clock.advance(ms);
  }

  /** A start that fails at least once, up to the end of `initTimeoutMs`; what it rejected with. */
  async failedStart(initTimeoutMs: number): Promise<unknown> {
    const ended = this.evaluator.initialize().catch((caught: unknown) => caught);
    await until(() => this.#polls() > 0);
    await this.clock.advance(initTimeoutMs);
    return ended;
  }

  /** Asks for a flag that the relay stays silent about, and lets the time pass that this takes. */
  async timeOut(timeoutMs: number, defaultValue?: string): Promise<Resolution> {
    const before = this.evaluations.length;
    const asked = this.evaluator.evaluate('flag', {}, defaultValue);
    await until(() => this.evaluations.length > before);
    await this.clock.advance(timeoutMs);
    return asked;
  }

  #polls(): number {
    const { feed } = this.evaluator.describe() as { feed: { polls: Record<string, unknown> } | null };
    const { changed = 0, unchanged = 0, failed = 0 } = feed?.polls ?? {};
    return Number(changed) + Number(unchanged) + Number(failed);
  }
}
