/** Every error Edict raises or reports: one class, one table of codes. */

/** What the OpenFeature SDK calls the situation; the values are those of its `ErrorCode`. */
export type OpenFeatureErrorCode =
  | 'PROVIDER_NOT_READY'
  | 'PROVIDER_FATAL'
  | 'FLAG_NOT_FOUND'
  | 'PARSE_ERROR'
  | 'TYPE_MISMATCH'
  | 'TARGETING_KEY_MISSING'
  | 'INVALID_CONTEXT'
  | 'GENERAL';

interface ErrorFacts {
  /** The OpenFeature code an evaluation reports; `null` where the error is thrown to the programmer. */
  readonly openFeature: OpenFeatureErrorCode | null;
  /** Whether the same call can succeed later without anybody changing anything. */
  readonly retry: 'no' | 'yes' | 'slowly';
  readonly meaning: string;
}

/**
 * The table of codes: what each means, the OpenFeature code it becomes, and whether trying again can help.
 * docs/errors.md is checked against it.
 */
export const ERROR_TABLE = {
  INVALID_OPTION: { openFeature: null, retry: 'no', meaning: 'an option breaks its rule' },
  INVALID_FLAG_FILE: { openFeature: null, retry: 'no', meaning: 'a flag file cannot be read or parsed' },
  INVALID_POLICIES: { openFeature: null, retry: 'no', meaning: 'a policy configuration cannot be used' },
  LISTEN_FAILED: { openFeature: null, retry: 'yes', meaning: 'an address or port cannot be listened on' },
  UNAUTHORIZED: { openFeature: 'GENERAL', retry: 'slowly', meaning: 'the relay answered 401' },
  FORBIDDEN: { openFeature: 'GENERAL', retry: 'slowly', meaning: 'the relay answered 403' },
  BAD_REQUEST: { openFeature: 'GENERAL', retry: 'slowly', meaning: 'the relay answered 400' },
  NOT_FOUND: {
    openFeature: 'GENERAL',
    retry: 'yes',
    meaning: 'the relay answered 404: wrong base path, or a relay without the route',
  },
  UNEXPECTED_STATUS: { openFeature: 'GENERAL', retry: 'slowly', meaning: 'the relay answered another status' },
  REDIRECT_REFUSED: { openFeature: 'GENERAL', retry: 'slowly', meaning: 'the relay answered a redirect' },
  RATE_LIMITED: {
    openFeature: 'GENERAL',
    retry: 'yes',
    meaning: 'the relay answered 429, or its Retry-After has not passed',
  },
  UNAVAILABLE: {
    openFeature: 'GENERAL',
    retry: 'yes',
    meaning: 'the relay answered 408, 425 or 5xx, or is left alone because it does not answer',
  },
  NETWORK: { openFeature: 'GENERAL', retry: 'yes', meaning: 'the connection failed' },
  TIMEOUT: { openFeature: 'GENERAL', retry: 'yes', meaning: 'a deadline or stall limit passed' },
  INVALID_BODY: { openFeature: 'GENERAL', retry: 'yes', meaning: 'the answer is not a flag configuration' },
  BODY_TOO_LARGE: { openFeature: 'GENERAL', retry: 'yes', meaning: 'the answer passed a size limit' },
  EMPTY_REFUSED: { openFeature: 'GENERAL', retry: 'yes', meaning: 'zero flags were refused by emptyConfiguration' },
  UNEXPECTED_NOT_MODIFIED: {
    openFeature: 'GENERAL',
    retry: 'yes',
    meaning: 'a 304 answered a request without validator',
  },
  CONFIGURATION_TOO_LARGE: {
    openFeature: 'GENERAL',
    retry: 'yes',
    meaning: 'the flag configuration passes a limit of the engine',
  },
  MODULE_REJECTED: {
    openFeature: 'PROVIDER_FATAL',
    retry: 'no',
    meaning: 'hash, imports, exports or memory limits of a module do not pass',
  },
  IMAGE_REJECTED: { openFeature: 'GENERAL', retry: 'no', meaning: 'the guest refused a compiled image' },
  TRAP: { openFeature: 'GENERAL', retry: 'yes', meaning: 'the guest threw; its store was replaced' },
  EVALUATION_DEADLINE: { openFeature: 'GENERAL', retry: 'yes', meaning: 'a query ran past its step budget' },
  POOL_EXHAUSTED: { openFeature: 'GENERAL', retry: 'yes', meaning: 'no store was free' },
  INVALID_RESULT: { openFeature: 'GENERAL', retry: 'yes', meaning: 'the guest answered outside its contract' },
  INVALID_CONTEXT: {
    openFeature: 'INVALID_CONTEXT',
    retry: 'no',
    meaning: 'the evaluation context cannot be represented',
  },
  NOT_STARTED: { openFeature: 'PROVIDER_NOT_READY', retry: 'yes', meaning: 'there is no flag configuration yet' },
  CLOSED: { openFeature: 'PROVIDER_NOT_READY', retry: 'no', meaning: 'used after close' },
} as const satisfies Record<string, ErrorFacts>;

/** The codes of {@link ERROR_TABLE}. */
export type EdictErrorCode = keyof typeof ERROR_TABLE;

/** What an error carries beside its code and text. */
export interface EdictErrorOptions {
  /** What was caught, kept for the reader of the log. */
  readonly cause?: unknown;
  /** HTTP status, where a relay answered. */
  readonly status?: number;
  /** `X-Request-Id` of the relay's answer, where it sent one. */
  readonly requestId?: string;
}

const BRAND = Symbol.for('edict.error');

/**
 * The one error class. The message starts with the code, because most tools show only the message; the plain
 * text is in `text`.
 *
 * `instanceof` goes by a brand, so it also works when an application and its plugin each load a copy of Edict.
 */
export class EdictError extends Error {
  override readonly name = 'EdictError';
  readonly code: EdictErrorCode;
  readonly text: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: EdictErrorCode, text: string, options: EdictErrorOptions = {}) {
    super(`${code}: ${text}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.text = text;
    this.status = options.status;
    this.requestId = options.requestId;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The OpenFeature code an evaluation reports for this error (GENERAL for programmer errors). */
  get openFeatureCode(): OpenFeatureErrorCode {
    return ERROR_TABLE[this.code].openFeature ?? 'GENERAL';
  }

  /** Turns whatever was caught into an EdictError and keeps it as the cause; an EdictError passes unchanged. */
  static from(caught: unknown, code: EdictErrorCode): EdictError {
    if (caught instanceof EdictError) return caught;
    const text = caught instanceof Error ? caught.message : String(caught);
    return new EdictError(code, text, { cause: caught });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
