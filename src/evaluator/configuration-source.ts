/** Where a configuration comes from, before it is compiled. */

/** A configuration as it came: the bytes of an answer, or a parsed document. */
export type ConfigurationSource = { readonly body: Uint8Array } | { readonly document: object };
