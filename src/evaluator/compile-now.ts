/** Compiles a configuration on the thread it is called on: the calling one, or the compile worker's. */

import {
  type CompiledConfiguration,
  type CompileOptions,
  compileConfiguration,
} from '../flags/compile/configuration.ts';
import { parseEnvelope, readEnvelope } from '../flags/compile/envelope.ts';
import type { ConfigurationSource } from './configuration-source.ts';

/** Throws `INVALID_BODY` or `CONFIGURATION_TOO_LARGE`. */
export function compileNow(source: ConfigurationSource, options: CompileOptions): CompiledConfiguration {
  return compileConfiguration('body' in source ? parseEnvelope(source.body) : readEnvelope(source.document), options);
}
