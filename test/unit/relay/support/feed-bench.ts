/** A feed with scripted answers on a clock the test owns: bodies are `flags:<n>[:anything]`, or `error` ones. */

import { createHash } from 'node:crypto';

import { EdictError, type EdictErrorCode } from '../../../../src/errors.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../../src/options/resolve.ts';
import type { ChangedConfiguration, ConfigurationResult } from '../../../../src/relay/configuration-client.ts';
import type { RelayFailure } from '../../../../src/relay/connection.ts';
import { ConfigurationFeed } from '../../../../src/relay/feed.ts';
import type { CompiledFacts, ConfigurationMeta, FeedEvent, LocalState } from '../../../../src/relay/feed-events.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { RecordingLogger } from './recording-logger.ts';

export type Answer = ConfigurationResult | Promise<ConfigurationResult>;

interface Compiled extends CompiledFacts {
  readonly content: string;
}

/** A 200 whose body has `count` flags; other `content` makes another digest. */
export function flags(
  count: number,
  more: Partial<ChangedConfiguration> & { content?: string } = {},
): ChangedConfiguration {
  const { content = 'a', ...rest } = more;
  const body = Buffer.from(`flags:${count}:${content}`);
  const digest = createHash('sha256').update(body).digest('hex');
  return { kind: 'changed', body, digest, jsonMediaType: true, relayVersion: '1.55.0', ...rest };
}

/** A 200 that is no configuration. */
export function garbage(content = 'html'): ChangedConfiguration {
  const body = Buffer.from(`garbage:${content}`);
  return { ...flags(0), body, digest: createHash('sha256').update(body).digest('hex') };
}

export const unchanged: ConfigurationResult = { kind: 'unchanged' };

export function failure(code: EdictErrorCode, more: Partial<RelayFailure> = {}): RelayFailure {
  const pace = code === 'UNAUTHORIZED' || code === 'FORBIDDEN' || code === 'BAD_REQUEST' ? 'auth' : 'backoff';
  return { kind: 'failed', error: new EdictError(code, 'scripted'), pace, ...more };
}

export class FeedBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events: FeedEvent[] = [];
  readonly published: { readonly content: string; readonly meta: ConfigurationMeta }[] = [];
  /** The validator of each fetch, in order. */
  readonly validators: (string | undefined)[] = [];
  compiles = 0;
  running = 0;
  mostRunning = 0;
  flagsInUse = 0;
  readonly feed: ConfigurationFeed<Compiled>;
  #script: Answer[];

  /** The last answer repeats for ever. Jitter is none unless `random` says otherwise. */
  constructor(script: readonly Answer[], options: EdictOptions = {}) {
    this.#script = [...script];
    const { clock, logger } = this;
    const resolved = resolveOptions({ endpoint: 'http://relay', random: () => 0.5, clock, logger, ...options });
    logger.lines.length = 0;
    this.feed = new ConfigurationFeed<Compiled>(resolved, {
      fetch: (validator) => this.#fetch(validator),
      compile: (body) => this.#compile(Buffer.from(body).toString()),
      publish: ({ content, flagCount }, meta) => {
        this.published.push({ content, meta });
        this.flagsInUse = flagCount;
      },
      flagsInUse: () => this.flagsInUse,
      onEvent: (event) => this.events.push(event),
    });
  }

  get fetches(): number {
    return this.validators.length;
  }

  get eventTypes(): string[] {
    return this.events.map((event) => event.type);
  }

  nowAnswer(...script: Answer[]): void {
    this.#script = script;
  }

  /** Starts, and gives the outcome once it is there; fails the test when it is not there by then. */
  async start(how?: LocalState): Promise<string> {
    let outcome = 'pending';
    void this.feed.start(how).then((ended) => {
      outcome = ended.kind === 'failed' ? ended.error.code : ended.kind;
    });
    await settle();
    return outcome;
  }

  async #fetch(validator: string | undefined): Promise<ConfigurationResult> {
    this.validators.push(validator);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    const [answer] = this.#script;
    if (this.#script.length > 1) this.#script.shift();
    try {
      return await (answer ?? failure('NETWORK'));
    } finally {
      this.running--;
    }
  }

  async #compile(body: string): Promise<Compiled> {
    this.compiles++;
    if (!body.startsWith('flags:')) throw new EdictError('INVALID_BODY', 'no configuration');
    const [, count, content = ''] = body.split(':');
    return { content: body, flagCount: Number(count), suspicious: content === 'suspicious' };
  }
}
