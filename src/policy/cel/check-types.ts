/**
 * Type-checks a CEL expression before it runs. `@bufbuild/cel` 0.6 parses and evaluates, but its own checker knows constants
 * and names only, so the rules of the language are applied here to its syntax tree.
 */

import type { CelFunc, parse } from '@bufbuild/cel';
import { patternFault } from '../params/linear-pattern.ts';
import {
  BOOL,
  BYTES,
  DYN,
  fits,
  fromCel,
  INT,
  isOpen,
  join,
  listOf,
  mapOf,
  NOTHING,
  STRING,
  type StaticType,
  TYPE,
  typeName,
} from './static-type.ts';

export type Parsed = ReturnType<typeof parse>;
export type Expr = Parsed['expr'];
type Kind<C extends NonNullable<Expr['exprKind']['case']>> = Extract<Expr['exprKind'], { case: C }>['value'];
type Scope = ReadonlyMap<string, StaticType>;

/** What an expression may use. */
export interface Vocabulary {
  readonly roots: ReadonlyMap<string, StaticType>;
  /** Overloads by name. */
  readonly functions: ReadonlyMap<string, readonly CelFunc[]>;
}

const TYPE_NAMES = new Set(['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type']);
const CONSTANTS: Readonly<Record<string, StaticType>> = {
  boolValue: BOOL,
  bytesValue: BYTES,
  doubleValue: { kind: 'scalar', name: 'double' },
  int64Value: INT,
  uint64Value: { kind: 'scalar', name: 'uint' },
  stringValue: STRING,
  nullValue: { kind: 'scalar', name: 'null_type' },
};

/** The type of the whole, or the first thing that is wrong, with the offset of its place in the text. */
export function checkTypes(parsed: Parsed, vocabulary: Vocabulary): StaticType | { readonly fault: string } {
  try {
    return new Checker(parsed, vocabulary).typeOf(parsed.expr, new Map());
  } catch (caught) {
    if (caught instanceof TypeFault) return { fault: caught.message };
    throw caught;
  }
}

/** Ends the walk from any depth; never leaves this file. */
class TypeFault extends Error {}

class Checker {
  readonly #parsed: Parsed;
  readonly #vocabulary: Vocabulary;

  constructor(parsed: Parsed, vocabulary: Vocabulary) {
    this.#parsed = parsed;
    this.#vocabulary = vocabulary;
  }

  typeOf(expr: Expr, scope: Scope): StaticType {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return CONSTANTS[exprKind.value.constantKind.case ?? ''] ?? DYN;
      case 'identExpr':
        return this.#ident(expr, exprKind.value.name, scope);
      case 'selectExpr':
        return this.#select(expr, exprKind.value, scope);
      case 'callExpr':
        return this.#call(expr, exprKind.value, scope);
      case 'listExpr':
        return listOf(this.#joined(exprKind.value.elements, scope));
      case 'structExpr':
        return this.#struct(expr, exprKind.value, scope);
      case 'comprehensionExpr':
        return this.#comprehension(expr, exprKind.value, scope);
      default:
        return this.#fail(expr, 'this kind of expression is not supported');
    }
  }

  #fail(expr: Expr, message: string): never {
    const offset = this.#parsed.sourceInfo?.positions[String(expr.id)];
    throw new TypeFault(offset === undefined ? message : `${message} (at ${offset})`);
  }

  #joined(exprs: readonly Expr[], scope: Scope): StaticType {
    return exprs.map((one) => this.typeOf(one, scope)).reduce(join, NOTHING);
  }

  #ident(expr: Expr, name: string, scope: Scope): StaticType {
    const type = scope.get(name) ?? this.#vocabulary.roots.get(name);
    if (type !== undefined) return type;
    return TYPE_NAMES.has(name) ? TYPE : this.#fail(expr, `there is no ${name}`);
  }

  #select(expr: Expr, { operand, field, testOnly }: Kind<'selectExpr'>, scope: Scope): StaticType {
    const inner = this.#field(expr, this.typeOf(operand as Expr, scope), field);
    return testOnly ? BOOL : inner;
  }

  #field(expr: Expr, type: StaticType, field: string): StaticType {
    if (isOpen(type)) return DYN;
    if (type.kind === 'record') return type.fields[field] ?? this.#fail(expr, `${type.name} has no field ${field}`);
    if (type.kind === 'map' && fits(type.key, STRING)) return type.value;
    return this.#fail(expr, `${typeName(type)} has no fields`);
  }

  #call(expr: Expr, call: Kind<'callExpr'>, scope: Scope): StaticType {
    const { target, args } = call;
    const qualified = target === undefined ? undefined : qualifiedName(target);
    const functions = this.#vocabulary.functions.get(`${qualified}.${call.function}`);
    if (qualified !== undefined && !scope.has(qualified) && functions !== undefined) {
      return this.#overload(expr, `${qualified}.${call.function}`, functions, undefined, this.#all(args, scope));
    }
    const types = this.#all(args, scope);
    const built = this.#operator(expr, call.function, types, args);
    if (built !== undefined) return built;
    const targetType = target === undefined ? undefined : this.typeOf(target, scope);
    const overloads = this.#vocabulary.functions.get(call.function);
    if (overloads === undefined) return this.#fail(expr, `there is no function ${call.function}`);
    const result = this.#overload(expr, call.function, overloads, targetType, types);
    if (call.function === 'matches') this.#pattern(args.at(-1) as Expr);
    return result;
  }

  #all(exprs: readonly Expr[], scope: Scope): StaticType[] {
    return exprs.map((one) => this.typeOf(one, scope));
  }

  /** Operators whose types no list of overloads can say. */
  #operator(expr: Expr, name: string, types: readonly StaticType[], args: readonly Expr[]): StaticType | undefined {
    const [first = DYN, second = DYN, third = DYN] = types;
    switch (name) {
      case '_&&_':
      case '_||_':
      case '@not_strictly_false':
        for (const [index, type] of types.entries()) this.#wants(args[index] as Expr, type, BOOL);
        return BOOL;
      case '_?_:_':
        this.#wants(args[0] as Expr, first, BOOL);
        return join(second, third);
      case '_==_':
      case '_!=_':
        if (!fits(first, second)) this.#fail(expr, `${typeName(first)} is never equal to ${typeName(second)}`);
        return BOOL;
      case '_[_]':
        return this.#index(expr, first, second, args[1] as Expr);
      case '@in':
        return this.#in(expr, first, second);
      case '_+_':
        return first.kind === 'list' && second.kind === 'list' ? join(first, second) : undefined;
      default:
        return undefined;
    }
  }

  #wants(expr: Expr, given: StaticType, wanted: StaticType): void {
    if (!fits(given, wanted)) this.#fail(expr, `${typeName(wanted)} is wanted here, this is ${typeName(given)}`);
  }

  #index(expr: Expr, from: StaticType, by: StaticType, byExpr: Expr): StaticType {
    if (isOpen(from)) return DYN;
    if (from.kind === 'list') {
      this.#wants(byExpr, by, INT);
      return from.element;
    }
    if (from.kind === 'map') {
      this.#wants(byExpr, by, from.key);
      return from.value;
    }
    const name = constantText(byExpr);
    if (from.kind === 'record' && name !== undefined) return this.#field(expr, from, name);
    return this.#fail(expr, `${typeName(from)} has no members to index`);
  }

  #in(expr: Expr, what: StaticType, where: StaticType): StaticType {
    const member = where.kind === 'list' ? where.element : where.kind === 'map' ? where.key : undefined;
    if (member === undefined && !isOpen(where)) this.#fail(expr, `nothing is in a ${typeName(where)}`);
    if (member !== undefined && !fits(what, member)) {
      this.#fail(expr, `${typeName(what)} is never in ${typeName(where)}`);
    }
    return BOOL;
  }

  #overload(
    expr: Expr,
    name: string,
    overloads: readonly CelFunc[],
    target: StaticType | undefined,
    args: readonly StaticType[],
  ): StaticType {
    const matching = overloads.filter(
      (one) =>
        (one.target === undefined) === (target === undefined) &&
        (one.target === undefined || fits(target as StaticType, fromCel(one.target))) &&
        one.arguments.length === args.length &&
        one.arguments.every((wanted, index) => fits(args[index] as StaticType, fromCel(wanted))),
    );
    if (matching.length > 0) return matching.map(({ result }) => fromCel(result)).reduce(join);
    const on = target === undefined ? '' : `${typeName(target)}.`;
    return this.#fail(expr, `${on}${name}(${args.map(typeName).join(', ')}) is not defined`);
  }

  /** A pattern that is a constant is compiled now, not when the first request comes. */
  #pattern(expr: Expr): void {
    const pattern = constantText(expr);
    const fault = pattern === undefined ? undefined : patternFault(pattern);
    if (fault !== undefined) this.#fail(expr, `the pattern cannot be used: ${fault}`);
  }

  #struct(expr: Expr, { messageName, entries }: Kind<'structExpr'>, scope: Scope): StaticType {
    if (messageName !== '') this.#fail(expr, `messages such as ${messageName} are not supported`);
    let type = mapOf(NOTHING, NOTHING);
    for (const { keyKind, value } of entries) {
      const key = keyKind.case === 'mapKey' ? this.typeOf(keyKind.value, scope) : STRING;
      type = join(type, mapOf(key, this.typeOf(value as Expr, scope)));
    }
    return type;
  }

  #comprehension(expr: Expr, fold: Kind<'comprehensionExpr'>, scope: Scope): StaticType {
    const range = this.typeOf(fold.iterRange as Expr, scope);
    const item = range.kind === 'list' ? range.element : range.kind === 'map' ? range.key : DYN;
    if (range.kind !== 'list' && range.kind !== 'map' && !isOpen(range)) {
      this.#fail(expr, `${typeName(range)} has no members to go through`);
    }
    const start = this.typeOf(fold.accuInit as Expr, scope);
    const inside = new Map(scope).set(fold.iterVar, item).set(fold.accuVar, start);
    this.#wants(fold.loopCondition as Expr, this.typeOf(fold.loopCondition as Expr, inside), BOOL);
    const step = this.typeOf(fold.loopStep as Expr, inside);
    return this.typeOf(fold.result as Expr, new Map(scope).set(fold.accuVar, join(start, step)));
  }
}

function constantText({ exprKind }: Expr): string | undefined {
  if (exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}

function qualifiedName({ exprKind }: Expr): string | undefined {
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (exprKind.case !== 'selectExpr' || exprKind.value.testOnly || exprKind.value.operand === undefined)
    return undefined;
  const parent = qualifiedName(exprKind.value.operand);
  return parent === undefined ? undefined : `${parent}.${exprKind.value.field}`;
}
