/** A logger whose lines say what they are about, where two feeds of one relay write to the same one. */

import type { SafeLogger } from '../telemetry/logger.ts';

export function prefixed(logger: SafeLogger, prefix: string): SafeLogger {
  return {
    error: (message) => logger.error(prefix + message),
    warn: (message) => logger.warn(prefix + message),
    info: (message) => logger.info(prefix + message),
    debug: (message) => logger.debug(prefix + message),
    remember: (secret) => logger.remember(secret),
    redact: (text) => logger.redact(text),
    betrays: (text) => logger.betrays(text),
  };
}
