/** Which operation of a GraphQL document is meant: its type and name, without reading what it selects. */

export interface GraphqlOperation {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name: string | undefined;
}

/** Comments, texts in both forms, names, and single characters; everything else separates. */
const TOKEN = /#[^\n\r]*|"""(?:[^"\\]|\\"""|\\|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"|[_A-Za-z][_0-9A-Za-z]*|["{}()[\]]/g;

const OPENING: ReadonlySet<string> = new Set(['{', '(', '[']);
const CLOSING: Readonly<Record<string, string>> = { '}': '{', ')': '(', ']': '[' };

/**
 * The operation that `operationName` names; without it the only one there is. Undefined where there is none, or several, or
 * where the document is broken: what cannot be read for certain is not guessed.
 */
export function graphqlOperation(document: string, operationName?: string): GraphqlOperation | undefined {
  const operations = operationsOf(document);
  if (operations === undefined) return undefined;
  if (operationName === undefined || operationName === '') return operations.length === 1 ? operations[0] : undefined;
  const named = operations.filter(({ name }) => name === operationName);
  return named.length === 1 ? named[0] : undefined;
}

function operationsOf(document: string): GraphqlOperation[] | undefined {
  const tokens = (document.match(TOKEN) ?? []).filter((token) => !token.startsWith('#'));
  const operations: GraphqlOperation[] = [];
  const nesting: string[] = [];
  /** A definition has begun, and its selection has not. */
  let isBegun = false;
  for (const [index, token] of tokens.entries()) {
    // A quote by itself is a text that does not end.
    if (token === '"') return undefined;
    if (OPENING.has(token)) {
      if (nesting.length === 0 && token === '{') {
        if (!isBegun) operations.push({ type: 'query', name: undefined });
        isBegun = false;
      }
      nesting.push(token);
    } else if (Object.hasOwn(CLOSING, token)) {
      if (nesting.pop() !== CLOSING[token]) return undefined;
    } else if (nesting.length === 0 && !isBegun) {
      if (token === 'query' || token === 'mutation' || token === 'subscription') {
        const next = tokens[index + 1];
        operations.push({ type: token, name: next !== undefined && /^[_A-Za-z]/.test(next) ? next : undefined });
      } else if (token !== 'fragment') return undefined;
      isBegun = true;
    }
  }
  return nesting.length === 0 && !isBegun ? operations : undefined;
}
