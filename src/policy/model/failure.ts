/** What can go wrong with a policy: one table of codes, and the value that carries one. */

interface FailureFacts {
  /** Load: before the policy serves. Admission: before a call. Call: during it. Answer: about what it said. */
  readonly when: 'load' | 'admission' | 'call' | 'answer' | 'remote' | 'own';
  readonly meaning: string;
}

/** The codes, in the order in which a policy can meet them; docs/policy-failures.md is checked against it. */
export const POLICY_FAILURES = {
  DIGEST_MISMATCH: { when: 'load', meaning: 'the bytes of a module do not have the digest they were asked for by' },
  MODULE_INVALID: { when: 'load', meaning: 'a module breaks a rule: size, imports, exports, memory, start function' },
  ABI_UNSUPPORTED: { when: 'load', meaning: 'a module speaks another version of the guest interface' },
  PARAMS_INVALID: { when: 'load', meaning: 'parameters do not pass the schema of the manifest' },
  INIT_FAILED: { when: 'load', meaning: 'the init hook failed, trapped or took too long' },
  CANARY_FAILED: { when: 'load', meaning: 'the policy failed a self test or a recorded input, or was too slow' },
  POLICY_MISSING: { when: 'load', meaning: 'a route names a policy that is not there' },
  NOT_READY: { when: 'admission', meaning: 'there is no active revision yet' },
  OVERLOAD: { when: 'admission', meaning: 'no slot, queue place or buffer was free' },
  BREAKER_OPEN: { when: 'admission', meaning: 'the policy failed too often and rests' },
  CLOSED: { when: 'admission', meaning: 'the tenant or the engine is closing' },
  CONDITION_ERROR: { when: 'admission', meaning: 'the condition of the position could not be evaluated' },
  TRUNCATED: { when: 'admission', meaning: 'the input is incomplete and the policy does not accept that' },
  FUEL_EXHAUSTED: { when: 'call', meaning: 'the hook used up its instructions' },
  DEADLINE_EXCEEDED: { when: 'call', meaning: 'the hook or its chain ran out of time' },
  TRAP: { when: 'call', meaning: 'the guest threw; its slot was replaced' },
  STACK_OVERFLOW: { when: 'call', meaning: 'the guest recursed too deep; its slot was replaced' },
  MEMORY_LIMIT: { when: 'call', meaning: 'the guest wanted more memory than it may have' },
  HOST_DENIED: { when: 'call', meaning: 'the guest asked for something it was not granted' },
  HOST_LIMIT: { when: 'call', meaning: 'the guest asked the host too often or for too much' },
  HOST_ERROR: { when: 'call', meaning: 'a host function failed' },
  CANCELLED: { when: 'call', meaning: 'the exchange was given up' },
  GUEST_ERROR: { when: 'call', meaning: 'the policy itself reported an error' },
  OUTPUT_TOO_LARGE: { when: 'answer', meaning: 'the answer is larger than an answer may be' },
  DECODE: { when: 'answer', meaning: 'the answer is no frame of the guest interface' },
  ACTION_INVALID: { when: 'answer', meaning: 'a field of the action is not allowed; none of it was applied' },
  REMOTE_UNAVAILABLE: { when: 'remote', meaning: 'the executor could not be reached' },
  REMOTE_TIMEOUT: { when: 'remote', meaning: 'the executor did not answer in time' },
  REMOTE_PROTOCOL: { when: 'remote', meaning: 'the executor broke the protocol' },
  INTERNAL: { when: 'own', meaning: "a defect of Edict's own" },
} as const satisfies Record<string, FailureFacts>;

/** The codes of {@link POLICY_FAILURES}. */
export type PolicyFailureCode = keyof typeof POLICY_FAILURES;

/** A failure as a value; nothing in the way of an exchange throws. */
export interface PolicyFailure {
  readonly kind: 'failure';
  readonly code: PolicyFailureCode;
  readonly message: string;
  /** The hook wrote to the store or sent a request before it failed: doing it again may do that twice. */
  readonly hadEffects?: true;
}

export function policyFailure(code: PolicyFailureCode, message: string): PolicyFailure {
  return { kind: 'failure', code, message };
}

/** Tells a failure from what stands beside it in a union. */
export function isPolicyFailure(value: unknown): value is PolicyFailure {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'failure';
}
