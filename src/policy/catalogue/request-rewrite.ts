/** request-rewrite as a native policy: another path, query or method for the upstream, where headers and query match. */

import type { JsonValue } from '../../internal/json.ts';
import type { RequestChanges } from '../model/actions.ts';
import type { ApiInfo, HookInput } from '../model/inputs.ts';
import { type NativeHooks, NativePolicy } from '../native/native-policy.ts';
import { decodedName, splitPath } from '../reduce/query.ts';
import { type Pattern, patternOf, substitutionOf } from './pattern.ts';
import { applyRules, queryRuleOf, valuesOf } from './query-rules.ts';
import { listOf, objectOf, refuse, textOf } from './read-params.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];

/** The path without its query; undefined where the rule does not apply. */
type PathRewrite = (path: string, api: ApiInfo) => string | undefined;
type Test = (input: HookInput, query: string) => boolean;

export const requestRewrite = new NativePolicy('request-rewrite', 'v1.0.0', (params): NativeHooks => {
  const tests = testsOf(params.match);
  const rewrite = params.pathRewrite === undefined ? undefined : pathRewriteOf(params.pathRewrite);
  const rules = listOf(objectOf(params.queryRewrite).rules).map((rule, index) =>
    queryRuleOf(rule, `/queryRewrite/rules/${index}`),
  );
  const method = methodOf(params.methodRewrite);
  if (rewrite === undefined && rules.length === 0 && method === undefined) {
    refuse('', 'give at least one of pathRewrite, queryRewrite and methodRewrite');
  }
  return {
    modes: { requestHeaders: 'process' },
    onRequestHeaders(input) {
      const { path, query } = splitPath(input.request.path);
      if (!tests.every((test) => test(input, query ?? ''))) return undefined;
      const rewritten = rewrite?.(path, input.exchange.api);
      const target = targetChanges(input.request.path, rewritten, (text) => applyRules(text, rules));
      if (target === undefined && method === undefined) return undefined;
      return { kind: 'request-changes', ...target, ...(method === undefined ? {} : { method }) };
    },
  };
});

/** A path with a query of its own brings the one that the rules work on. */
function targetChanges(
  target: string,
  rewritten: string | undefined,
  rules: (query: string) => string,
): Pick<RequestChanges, 'path' | 'queryRemove'> | undefined {
  const now = splitPath(target);
  const next = rewritten === undefined ? now : splitPath(rewritten);
  const before = next.query ?? now.query ?? '';
  const query = rules(before);
  const isSameQuery = query === (now.query ?? '');
  if (isSameQuery && next.path === now.path) return undefined;
  if (isSameQuery) return { path: next.path };
  if (query !== '') return { path: `${next.path}?${query}` };
  // A path without a question mark keeps the query, so what there was must be named to be gone.
  const gone = (now.query ?? '').split('&').filter((piece) => piece !== '');
  return { path: next.path, queryRemove: [...new Set(gone.map(decodedName))] };
}

function pathRewriteOf(value: JsonValue): PathRewrite {
  const { type, replacePrefixMatch, replaceFullPath, replaceRegexMatch } = objectOf(value);
  switch (type) {
    case 'ReplacePrefixMatch': {
      if (typeof replacePrefixMatch !== 'string') refuse('/pathRewrite/replacePrefixMatch', 'is missing');
      const replacement = pathText(replacePrefixMatch, '/pathRewrite/replacePrefixMatch').replace(/\/$/, '');
      return (path, api) => prefixReplaced(path, api, replacement);
    }
    case 'ReplaceFullPath': {
      const full = pathText(textOf(replaceFullPath), '/pathRewrite/replaceFullPath');
      if (full === '') refuse('/pathRewrite/replaceFullPath', 'is missing');
      return () => full;
    }
    case 'ReplaceRegexMatch': {
      const path = '/pathRewrite/replaceRegexMatch';
      const { pattern: source, substitution } = objectOf(replaceRegexMatch);
      if (typeof source !== 'string' || source === '') refuse(`${path}/pattern`, 'is missing');
      if (typeof substitution !== 'string') refuse(`${path}/substitution`, 'is missing');
      const pattern = patternOf(source, `${path}/pattern`);
      const parts = substitutionOf(substitution, pattern.groups, `${path}/substitution`);
      return (text) => pattern.replaced(text, parts);
    }
    default:
      return refuse('/pathRewrite/type', 'is ReplacePrefixMatch, ReplaceFullPath or ReplaceRegexMatch');
  }
}

/** The prefix is what the route says before its first variable, behind the context of its API. Whole segments only. */
function prefixReplaced(path: string, { context, operationPath }: ApiInfo, replacement: string): string | undefined {
  const operation = operationPath.replace(/[{*].*$/s, '').replace(/\/+$/, '');
  const whole = context.replace(/\/+$/, '') + operation;
  for (const prefix of [whole, operation]) {
    if (path === prefix || path.startsWith(`${prefix}/`)) return replacement + path.slice(prefix.length) || '/';
  }
  return undefined;
}

function pathText(path: string, place: string): string {
  if (path !== '' && !/^\/[^\0-\x20\x7f#]*$/.test(path)) {
    refuse(place, 'begins with "/" and holds no control characters, spaces or "#"');
  }
  return path;
}

function methodOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' && METHODS.includes(value)
    ? value
    : refuse('/methodRewrite', `is one of ${METHODS.join(', ')}`);
}

function testsOf(value: JsonValue | undefined): readonly Test[] {
  const { headers, queryParams } = objectOf(value);
  return [
    ...listOf(headers).map((item, index): Test => {
      const { name, test } = matcherOf(item, `/match/headers/${index}`);
      return ({ request }) => test(request.headers.get(name));
    }),
    ...listOf(queryParams).map((item, index): Test => {
      const { name, test } = matcherOf(item, `/match/queryParams/${index}`);
      return (_input, query) => test(valuesOf(query, name));
    }),
  ];
}

function matcherOf(value: JsonValue, path: string): { name: string; test: (values: readonly string[]) => boolean } {
  const { name, type, value: wanted } = objectOf(value);
  if (typeof name !== 'string' || name === '') return refuse(`${path}/name`, 'is missing');
  if (type === 'Present') return { name, test: (values) => values.length > 0 };
  if (typeof wanted !== 'string') return refuse(`${path}/value`, 'is missing');
  if (type === 'Exact') return { name, test: (values) => values.includes(wanted) };
  if (type !== 'Regex') return refuse(`${path}/type`, 'is Exact, Regex or Present');
  const pattern: Pattern = patternOf(wanted, `${path}/value`);
  return { name, test: (values) => values.some((one) => pattern.finds(one)) };
}
