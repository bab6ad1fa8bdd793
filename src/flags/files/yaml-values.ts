/** Converts YAML nodes to JSON values, guided by the flag's shape as GO Feature Flag's typed reader is. */

import type { Alias, Document, Node, YAMLSeq } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, Scalar, visit } from 'yaml';
import type { JsonValue } from '../../internal/json.ts';
import { emptyRecord } from '../../internal/json.ts';
import type { Shape } from './flag-shape.ts';
import { ANY, FLAG } from './flag-shape.ts';
import type { ResolvedScalar } from './yaml-scalars.ts';
import { resolvePlain, resolveTimestamp, resolveYesNo } from './yaml-scalars.ts';

/** Nodes that aliases may add to one flag; ten lines of aliases of aliases can otherwise ask for billions. */
const MAX_ALIASED_NODES = 100_000;
/** The same for the whole file, flags that failed included: it bounds the work. */
const MAX_ALIASED_NODES_IN_FILE = 5_000_000;
/** Nesting inside one flag. */
const MAX_DEPTH = 500;
const TAG_PREFIX = 'tag:yaml.org,2002:';

/** One flag cannot be converted; the others can. */
export class YamlProblem extends Error {
  readonly node: Node | null;
  readonly remedy: string;

  constructor(message: string, node: Node | null, remedy: string) {
    super(message);
    this.node = node;
    this.remedy = remedy;
  }
}

/** A pair of a mapping: the key's text, the key itself (it has the position) and the value. */
export interface YamlEntry {
  readonly key: string;
  readonly keyNode: Node;
  readonly value: Node | null;
}

/** Takes a problem of a mapping, with the key it is about where there is one. */
export type ReportProblem = (problem: YamlProblem, key: string | undefined) => void;

/** The converter of one document. */
export class YamlConverter {
  readonly #document: Document.Parsed;
  #targets: Map<Alias, Node> | undefined;
  #aliasedNodes = 0;
  #aliasedNodesInFile = 0;
  #aliasDepth = 0;
  #depth = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  /** The JSON value of one flag. Throws a {@link YamlProblem}. */
  flag(node: Node | null): JsonValue {
    this.#aliasedNodes = 0;
    return this.#convert(node, FLAG);
  }

  #convert(node: Node | null, shape: Shape): JsonValue {
    if (this.#aliasDepth > 0) this.#countAliased(node);
    if (isAlias(node)) {
      this.#aliasDepth += 1;
      try {
        return this.#nested(node, () => this.#convert(this.resolve(node), shape));
      } finally {
        this.#aliasDepth -= 1;
      }
    }
    if (isMap(node)) return this.#nested(node, () => this.#mapping(node, shape));
    if (isSeq(node)) return this.#nested(node, () => this.#sequence(node, shape));
    return isScalar(node) ? scalarValue(node, shape) : null;
  }

  /** The node itself, or what an alias stands for. */
  resolve(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    this.#targets ??= aliasTargets(this.#document);
    const target = this.#targets.get(node);
    if (target === undefined) {
      throw new YamlProblem(`unknown anchor ${node.source}`, node, 'define the anchor before the alias');
    }
    return target;
  }

  /**
   * The pairs of a mapping, merge keys applied: what is written here wins over what is merged, and earlier merges win over
   * later ones. A pair whose key is null does not count outside of free values. A key that stands twice is a problem;
   * without `report` it is thrown, with it the key is left out and the rest goes on.
   */
  entries(mapping: Node, shape: Shape = ANY, report: ReportProblem = raise): YamlEntry[] {
    const entries = new Map<string, YamlEntry>();
    const twice = new Set<string>();
    const merges: (Node | null)[] = [];
    if (!isMap(mapping)) return [];
    for (const pair of mapping.items) {
      const keyNode = pair.key as Node | null;
      const value = pair.value as Node | null;
      const resolved = this.resolve(keyNode);
      if (!isScalar(resolved)) {
        report(new YamlProblem('a key is not a scalar', resolved ?? mapping, 'use text as the key'), undefined);
        continue;
      }
      const key = String(resolved.value);
      if (isMergeKey(resolved)) {
        merges.push(value);
        continue;
      }
      if (shape.kind !== 'any' && plainScalar(resolved).kind === 'null') continue;
      if (entries.has(key)) {
        report(new YamlProblem(`${JSON.stringify(key)} is defined twice`, resolved, 'remove one of the two'), key);
        twice.add(key);
      }
      entries.set(key, { key, keyNode: keyNode as Node, value });
    }
    for (const merge of merges) {
      try {
        for (const entry of this.#merged(merge, shape)) {
          if (!entries.has(entry.key)) entries.set(entry.key, entry);
        }
      } catch (caught) {
        if (!(caught instanceof YamlProblem)) throw caught;
        report(caught, undefined);
      }
    }
    // Nobody can tell which of the two was meant, so neither counts.
    for (const key of twice) entries.delete(key);
    return [...entries.values()];
  }

  /** The elements that count: an empty one of a typed list is not an empty rule or step, it is left out. */
  elements(sequence: YAMLSeq, shape: Shape | undefined): readonly (Node | null)[] {
    const items = sequence.items as (Node | null)[];
    return shape?.kind === 'list' ? items.filter((item) => !this.#isNull(item)) : items;
  }

  #isNull(node: Node | null): boolean {
    const resolved = this.resolve(node);
    return resolved === null || (isScalar(resolved) && plainScalar(resolved).kind === 'null');
  }

  #countAliased(node: Node | null): void {
    this.#aliasedNodes += 1;
    this.#aliasedNodesInFile += 1;
    if (this.#aliasedNodes > MAX_ALIASED_NODES || this.#aliasedNodesInFile > MAX_ALIASED_NODES_IN_FILE) {
      throw new YamlProblem('aliases expand to too much', node, 'write the repeated parts out, or repeat less');
    }
  }

  #merged(merge: Node | null, shape: Shape): YamlEntry[] {
    const source = this.resolve(merge);
    if (isMap(source)) return this.#nested(source, () => this.entries(source, shape));
    if (isSeq(source)) {
      return (source.items as (Node | null)[]).flatMap((item) => {
        const part = this.resolve(item);
        if (isMap(part)) return this.#nested(part, () => this.entries(part, shape));
        throw new YamlProblem('a merge key takes mappings only', item, 'merge an alias of a mapping');
      });
    }
    throw new YamlProblem('a merge key takes mappings only', merge, 'merge an alias of a mapping');
  }

  #mapping(node: Node, shape: Shape): JsonValue {
    const record = emptyRecord<JsonValue>();
    for (const { key, value } of this.entries(node, shape)) {
      if (shape.kind === 'struct') {
        // Names are case-sensitive here; unknown ones are left out, or the JSON rules would take them for known ones.
        const member = shape.members.get(key);
        if (member !== undefined) record[key] = this.#convert(value, member);
      } else {
        record[key] = this.#convert(value, shape.kind === 'map' ? shape.of : ANY);
      }
    }
    return record;
  }

  #sequence(node: YAMLSeq, shape: Shape): JsonValue {
    const element = shape.kind === 'list' ? shape.of : ANY;
    return this.elements(node, shape).map((item) => this.#convert(item, element));
  }

  /** INVARIANT: an anchor that contains its own alias runs into this limit. */
  #nested<T>(node: Node | null, work: () => T): T {
    if (this.#depth >= MAX_DEPTH) {
      throw new YamlProblem('nesting is too deep, or an anchor contains itself', node, 'nest less');
    }
    this.#depth += 1;
    try {
      return work();
    } finally {
      this.#depth -= 1;
    }
  }
}

function raise(problem: YamlProblem): never {
  throw problem;
}

/**
 * What each alias stands for: the nearest earlier node with its anchor. One walk for all aliases, because resolving them
 * one by one walks the document each time.
 */
function aliasTargets(document: Document.Parsed): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return targets;
}

function isMergeKey(key: Scalar): boolean {
  return key.value === '<<' && (key.type === Scalar.PLAIN || key.tag === `${TAG_PREFIX}merge`);
}

function scalarValue(node: Scalar, shape: Shape): JsonValue {
  const resolved = plainScalar(node);
  const text = String(node.value);
  if (resolved.kind === 'null') return null;
  switch (shape.kind) {
    case 'string':
      // The source text: `version: 1.0` is "1.0" and `variation: True` is "True".
      return isBinary(node) ? resolved.value : text;
    case 'bool':
      return resolved.kind === 'string' ? (resolveYesNo(text) ?? text) : resolved.value;
    case 'date':
      return resolved.kind === 'timestamp' ? resolved.value : text;
    default:
      if (typeof resolved.value === 'number' && !Number.isFinite(resolved.value)) {
        throw new YamlProblem(`${text} has no JSON form`, node, 'use a finite number or a string');
      }
      return resolved.value;
  }
}

/** What a scalar means by itself, its tag and quotes considered. */
function plainScalar(node: Scalar): ResolvedScalar {
  const text = String(node.value);
  // The lone `!` should ask for a string; GO Feature Flag's reader takes it for no tag.
  const tag = node.tag === '!' ? undefined : node.tag;
  if (tag === undefined && node.type === Scalar.PLAIN) return resolvePlain(text);
  if (tag === undefined || tag === `${TAG_PREFIX}str`) return { kind: 'string', value: text };
  if (!tag.startsWith(TAG_PREFIX)) return { kind: 'string', value: text };
  const wanted = tag.slice(TAG_PREFIX.length);
  if (wanted === 'binary') return { kind: 'string', value: decodeBinary(node, text) };
  if (wanted === 'timestamp') {
    const timestamp = resolveTimestamp(text);
    if (timestamp !== undefined) return { kind: 'timestamp', value: timestamp };
  } else {
    const resolved = resolvePlain(text);
    const kind = wanted === 'int' || wanted === 'float' ? 'number' : wanted;
    if (resolved.kind === kind) return resolved;
    if (!['null', 'bool', 'number'].includes(kind)) return { kind: 'string', value: text };
  }
  throw new YamlProblem(
    `cannot read ${JSON.stringify(text)} as !!${wanted}`,
    node,
    'correct the value or remove its tag',
  );
}

function isBinary(node: Scalar): boolean {
  return node.tag === `${TAG_PREFIX}binary`;
}

function decodeBinary(node: Scalar, text: string): string {
  const base64 = text.replace(/[\r\n]/g, '');
  if (!/^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$/.test(base64)) {
    throw new YamlProblem('!!binary is not base64', node, 'correct the value or remove its tag');
  }
  return Buffer.from(base64, 'base64').toString('utf8');
}
