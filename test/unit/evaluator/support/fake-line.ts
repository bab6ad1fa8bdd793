/** A line to a relay that answers what a test says, when it says so. */

import { EdictError, type EdictErrorCode } from '../../../../src/errors.ts';
import type { AskLimits, RemoteAnswer, RemoteQuestions } from '../../../../src/evaluator/remote-answer.ts';
import type { QuestionLine } from '../../../../src/evaluator/remote-fallback.ts';
import type { EvaluationContext, Resolution } from '../../../../src/evaluator/resolution.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

export interface Asked {
  readonly flagKey: string;
  readonly context: EvaluationContext;
  readonly limits: AskLimits;
}

type Script = (asked: Asked) => Promise<RemoteAnswer> | RemoteAnswer;

export const remoteValue = (flagKey: string, value: JsonValue, more: Partial<Resolution> = {}): RemoteAnswer => ({
  kind: 'answered',
  resolution: {
    flagKey,
    value,
    variant: 'remote',
    reason: 'TARGETING_MATCH',
    errorCode: undefined,
    errorMessage: undefined,
    engineCode: undefined,
    metadata: { team: 'shop' },
    ruleIndex: undefined,
    ruleName: undefined,
    version: '',
    trackEvents: true,
    cacheable: false,
    ...more,
  },
});

export const remoteFailure = (code: EdictErrorCode = 'UNAVAILABLE', retryAfterMs?: number): RemoteAnswer => ({
  kind: 'failed',
  error: new EdictError(code, 'the relay is having a bad day'),
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** Ends, as a real request does, when it is aborted; otherwise never. */
export const hung: Script = ({ limits }) =>
  new Promise((resolve) => {
    limits.signal?.addEventListener('abort', () => resolve(remoteFailure('CLOSED')), { once: true });
  });

export class FakeLine implements QuestionLine, RemoteQuestions {
  readonly asked: Asked[] = [];
  opened = 0;
  closed = 0;
  inFlight = 0;
  mostInFlight = 0;
  script: Script = ({ flagKey }) => remoteValue(flagKey, 'remote');

  readonly open = (): QuestionLine => {
    this.opened++;
    return this;
  };

  get questions(): RemoteQuestions {
    return this;
  }

  async ask(flagKey: string, context: EvaluationContext, limits: AskLimits = {}): Promise<RemoteAnswer> {
    const asked = { flagKey, context, limits };
    this.asked.push(asked);
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      return await this.script(asked);
    } finally {
      this.inFlight--;
    }
  }

  async close(): Promise<void> {
    this.closed++;
  }
}
