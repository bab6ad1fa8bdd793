/** Which validators (ETags) are kept, and which have the form a relay gives them. */

/** Longer ones are not stored: they would be sent back with every request. */
const MAX_VALIDATOR_LENGTH = 4_096;

/** Characters that come back byte for byte through any HTTP client and proxy. */
const SENDABLE = /^[\x21-\x7e]+(?:[\t\x20]+[\x21-\x7e]+)*$/;

/** The relay's own form: body length and SHA-1 of the body in quotes; a proxy may have weakened it. */
const RELAY_FORM = /^(?:W\/)?"\d+-[0-9a-f]{40}"$/;

/** The validator as it was received, or `undefined` when it cannot be stored. Never normalised: it is an opaque text. */
export function storableValidator(etag: string | undefined): string | undefined {
  return etag !== undefined && etag.length <= MAX_VALIDATOR_LENGTH && SENDABLE.test(etag) ? etag : undefined;
}

export function hasRelayForm(validator: string | undefined): boolean {
  return validator !== undefined && RELAY_FORM.test(validator);
}
