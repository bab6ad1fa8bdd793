/** The logger Edict writes to: one that never throws, never shows a credential and never forwards a terminal escape. */

/** What a caller gives as `logger`; the shape of OpenFeature's `Logger`, and of `console`. */
export interface Logger {
  error(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  info(...args: unknown[]): void;
  debug(...args: unknown[]): void;
}

/** What Edict's own code writes to. Messages are plain sentences; no method throws. */
export interface SafeLogger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
  /** From now on this text is replaced wherever it appears in a message. Short texts (under 4 characters) are not secrets. */
  remember(secret: string): void;
  /** The text as it would be logged: credentials replaced, control characters shown as escapes. */
  redact(text: string): string;
  /** Whether a credential is in the text. */
  betrays(text: string): boolean;
}

/** The default: warnings and errors go to the console, the rest nowhere (as the OpenFeature SDK's default does). */
export const consoleLogger: Logger = {
  error: (...args) => console.error(...args),
  warn: (...args) => console.warn(...args),
  info: () => undefined,
  debug: () => undefined,
};

const PREFIX = 'edict: ';
const REDACTED = '[redacted]';

/** `apiKey` and `headers` may be functions with a fresh secret for each request: the oldest is forgotten past this count. */
const MAX_SECRETS = 64;

/** Replacing a text of three letters would hide ordinary words and protect nothing. */
const MIN_SECRET_LENGTH = 4;

/**
 * Credentials that nobody told us of: of a proxy in its URL, of whatever a caller's `fetch` or dispatcher quotes of a request.
 * What precedes them is kept.
 */
const TELLTALES: readonly RegExp[] = [
  // User information of a URL.
  /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'`<>]+(?=@)/gi,
  // The key in the query of a stream, and its cousins.
  /([?&](?:api[-_]?key|access[-_]?token|token|secret|signature|password)=)[^\s&#"'`<>]+/gi,
  // A header that was printed, or the value of one.
  /((?:\b(?:proxy-)?authorization|\bx-api-key)["']?\s*[:=]\s*["']?(?:[a-z]+ +)?)[^\s"',;]{4,}/gi,
  /(\b(?:bearer|basic) +)[a-z0-9+/._~-]{16,}=*/gi,
];

type Level = 'error' | 'warn' | 'info' | 'debug';

/** Wraps the caller's logger. A logger that throws, or whose promise rejects, is ignored. */
export function createSafeLogger(target: Logger): SafeLogger {
  const secrets = new Set<string>();

  const hide = (text: string): string => {
    let shown = text;
    // Longest first: one secret may be the beginning of another, whose rest would stay to be read.
    for (const secret of [...secrets].sort((a, b) => b.length - a.length)) shown = shown.replaceAll(secret, REDACTED);
    for (const telltale of TELLTALES) shown = shown.replace(telltale, `$1${REDACTED}`);
    return shown;
  };
  const redact = (text: string): string => escapeControls(hide(text));
  const write = (level: Level, message: string): void => {
    try {
      const returned: unknown = target[level](PREFIX + redact(message));
      // An `async` logger method type-checks; its rejection must not become an unhandled one.
      if (returned instanceof Promise) returned.catch(() => undefined);
    } catch {
      // A broken logger has nowhere to report itself to.
    }
  };
  return {
    error: (message) => write('error', message),
    warn: (message) => write('warn', message),
    info: (message) => write('info', message),
    debug: (message) => write('debug', message),
    remember(secret) {
      // Of `Authorization: Bearer <token>` the token alone is the secret, and may be quoted alone.
      const credential = /^[A-Za-z]+ +(\S+)$/.exec(secret)?.[1] ?? secret;
      if (credential.length < MIN_SECRET_LENGTH) return;
      secrets.delete(credential);
      secrets.add(credential);
      const [oldest] = secrets;
      if (secrets.size > MAX_SECRETS && oldest !== undefined) secrets.delete(oldest);
    },
    redact,
    betrays: (text) => hide(text) !== text,
  };
}

/** Shows control characters (C0, DEL, C1) as escapes: a relay's text must not steer the terminal that shows the log. */
export function escapeControls(text: string): string {
  let shown = '';
  for (const character of text) {
    const code = character.charCodeAt(0);
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    shown += isControl ? `\\u${code.toString(16).padStart(4, '0')}` : character;
  }
  return shown;
}
