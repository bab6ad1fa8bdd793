/** What a body says it asks for: the operation by which a body-reading resolver chooses a chain (spec/policies.md §3.9). */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { graphqlOperation } from './graphql.ts';

/** Resolvers that read the body; `route-key`, the default, does not. */
export const BODY_RESOLVERS = ['graphql', 'mcp', 'a2a'] as const;
export type BodyResolver = (typeof BODY_RESOLVERS)[number];

/** Larger bodies are refused before anybody has authenticated. */
export const MAX_RESOLVED_BYTES = 65_536;

export interface Resolution {
  /** From the most exact name to the most general: `tools/call:weather`, `tools/call`. The first one is told to policies. */
  readonly names: readonly [string, ...string[]];
  readonly attributes: Readonly<JsonObject>;
}

/** Undefined: the body names no operation, or more than one. Never throws. */
export function resolveOperation(resolver: BodyResolver, content: Uint8Array): Resolution | undefined {
  const body = parsed(content);
  // A batch would need a chain for each of its members.
  if (!isJsonObject(body)) return undefined;
  return resolver === 'graphql' ? resolveGraphql(body) : resolveRpc(resolver, body);
}

function resolveGraphql({ query, operationName }: JsonObject): Resolution | undefined {
  if (typeof query !== 'string') return undefined;
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') return undefined;
  const operation = graphqlOperation(query, operationName ?? undefined);
  if (operation === undefined) return undefined;
  const { type, name } = operation;
  return name === undefined
    ? { names: [type], attributes: { 'graphql.operation.type': type } }
    : {
        names: [`${type} ${name}`, type],
        attributes: { 'graphql.operation.type': type, 'graphql.operation.name': name },
      };
}

/** Methods of MCP that are about one thing of many, with the member that names it. */
const NAMED: Readonly<Record<string, readonly [type: string, member: string]>> = {
  'tools/call': ['tool', 'name'],
  'prompts/get': ['prompt', 'name'],
  'resources/read': ['resource', 'uri'],
  'resources/subscribe': ['resource', 'uri'],
  'resources/unsubscribe': ['resource', 'uri'],
};

function resolveRpc(resolver: 'mcp' | 'a2a', { jsonrpc, method, params }: JsonObject): Resolution | undefined {
  if (jsonrpc !== '2.0' || typeof method !== 'string' || method === '') return undefined;
  if (resolver === 'a2a') return { names: [method], attributes: { 'a2a.method': method } };
  const attributes = { 'mcp.method': method };
  const named = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  if (named === undefined) return { names: [method], attributes };
  const [type, member] = named;
  const name = isJsonObject(params) ? params[member] : undefined;
  // A call of nothing is no call of a tool that may be anything.
  if (typeof name !== 'string' || name === '') return undefined;
  return { names: [`${method}:${name}`, method], attributes: { ...attributes, 'mcp.type': type, 'mcp.name': name } };
}

function parsed(content: Uint8Array): JsonValue | undefined {
  if (content.length > MAX_RESOLVED_BYTES) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content)) as JsonValue;
  } catch {
    return undefined;
  }
}
