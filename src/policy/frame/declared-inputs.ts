/** Which parts of an exchange a policy has declared that it reads; nothing else is written into its memory. */

/**
 * The `inputs` of a manifest. Identity (request id, route, tenant, deadline) and the request line (path, method, authority,
 * scheme) are always sent; everything here is off unless named.
 */
export interface DeclaredInputs {
  /** All header lines of a message, or those of some names; `all` also brings the overlay of earlier policies. */
  readonly headers?: 'all' | readonly string[];
  /** The bodies of both directions, or of one. */
  readonly body?: boolean | 'request' | 'response';
  /** The client's request as it came. */
  readonly downstream?: boolean;
  /** Where the request goes and, in response phases, what the upstream answered. */
  readonly upstream?: boolean;
  readonly auth?: boolean;
  readonly api?: boolean;
  /** Keys of the shared metadata. */
  readonly metadata?: readonly string[];
}
