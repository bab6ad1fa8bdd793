/** From bytes to a module that can be called: verified, rewritten for its tier, compiled. */

import { EdictError } from '../../errors.ts';
import { policyRules } from '../../wasm/core-abi.ts';
import { inspectModule } from '../../wasm/inspect.ts';
import { type MeteringOptions, meterModule } from '../../wasm/metering/rewrite.ts';
import { verifyModule } from '../../wasm/verify-module.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { CompiledGuest } from './core-guest.ts';
import { type Capability, grantedFunctions } from './imports.ts';

export interface LoadOptions {
  /** Lower-case hex; `false` trusts the bytes. */
  readonly sha256: string | false;
  readonly granted: Iterable<Capability>;
  /** Without fuel only the maxima are written into it: for modules that are listed by their digest. */
  readonly metering?: MeteringOptions;
  readonly allowsStart?: boolean;
}

/** `DIGEST_MISMATCH` or `MODULE_INVALID` with everything that is wrong, before anything was compiled. */
export function loadGuest(bytes: Uint8Array, options: LoadOptions): CompiledGuest | PolicyFailure {
  try {
    const parsed = verifyModule(
      bytes,
      policyRules(grantedFunctions(options.granted), options.allowsStart),
      options.sha256,
    );
    const metered = meterModule(parsed, options.metering).bytes;
    return { module: new WebAssembly.Module(metered), facts: inspectModule(metered) };
  } catch (caught) {
    if (!(caught instanceof EdictError) && !(caught instanceof WebAssembly.CompileError)) {
      return policyFailure('INTERNAL', `the module could not be loaded: ${(caught as Error).message}`);
    }
    const code = caught.message.includes('its sha256 is') ? 'DIGEST_MISMATCH' : 'MODULE_INVALID';
    return policyFailure(code, caught instanceof EdictError ? caught.text : `it does not compile: ${caught.message}`);
  }
}
