/** Fills in templates in parameters, and remembers which texts they made and which of those are secret. */

import { isJsonObject, type JsonValue } from '../../internal/json.ts';
import { type ConfigProblem, pointer, problem } from '../model/config-problem.ts';
import type { Redactor } from './redactor.ts';
import { type Call, parseTemplate, type Segment, type Term } from './template-syntax.ts';

/** Where templates take values from. */
export interface TemplateSources {
  /** A secret by name; `undefined` when there is none. */
  readonly secret?: (name: string) => string | undefined;
  readonly env?: (name: string) => string | undefined;
  /** Names that `env` may read; none by default. */
  readonly envNames?: readonly string[];
}

export interface FilledIn {
  readonly value: JsonValue;
  /** Pointers of the texts that templates made; these may be coerced to other types. */
  readonly templated: ReadonlySet<string>;
  readonly problems: readonly ConfigProblem[];
}

interface Made {
  readonly text: string | undefined;
  readonly isSecret: boolean;
}

/** Fills in every text below a value; `path` is its place in the document. The value is not changed. Never throws. */
export function fillIn(value: JsonValue, path: string, sources: TemplateSources, redactor: Redactor): FilledIn {
  const filler = new Filler(sources, redactor);
  return { value: filler.fill(value, path, ''), templated: filler.templated, problems: filler.problems };
}

class Filler {
  readonly templated = new Set<string>();
  readonly problems: ConfigProblem[] = [];
  readonly #sources: TemplateSources;
  readonly #redactor: Redactor;

  constructor(sources: TemplateSources, redactor: Redactor) {
    this.#sources = sources;
    this.#redactor = redactor;
  }

  fill(value: JsonValue, path: string, at: string): JsonValue {
    if (typeof value === 'string') return value.includes('{{') ? this.#text(value, path, at) : value;
    if (Array.isArray(value)) return value.map((item, i) => this.fill(item, pointer(path, i), pointer(at, i)));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, this.fill(inner, pointer(path, name), pointer(at, name))]),
    );
  }

  #text(text: string, path: string, at: string): string {
    this.templated.add(at);
    try {
      let isSecret = false;
      const whole = parseTemplate(text)
        .map((segment) => {
          const made = this.#segment(segment);
          isSecret ||= made.isSecret;
          return made.text;
        })
        .join('');
      // Derived texts are as secret as what they are made of.
      if (isSecret) this.#redactor.add(whole);
      return whole;
    } catch (caught) {
      this.problems.push(problem(path, (caught as Error).message));
      return '';
    }
  }

  #segment(segment: Segment): Made & { readonly text: string } {
    if (typeof segment === 'string') return { text: segment, isSecret: false };
    const { text, isSecret } = this.#term(segment);
    if (text === undefined) throw new Error(`${nameOf(segment)} is not set, and the template has no default`);
    if (isSecret) this.#redactor.add(text);
    return { text, isSecret };
  }

  #term(term: Term): Made {
    return term.kind === 'text' ? { text: term.text, isSecret: false } : this.#call(term);
  }

  #call(call: Call): Made {
    const arity = ARITY[call.name];
    if (arity === undefined) throw new Error(`there is no template function ${call.name}`);
    if (call.args.length !== arity) throw new Error(`${call.name} takes ${arity} value(s), not ${call.args.length}`);
    const args = call.args.map((arg) => this.#term(arg));
    const made = this.#apply(call.name, args);
    // Every step counts: the message of a later one may show what this one made.
    if (made.isSecret && made.text !== undefined) this.#redactor.add(made.text);
    return made;
  }

  #apply(name: string, args: readonly Made[]): Made {
    const [first, second, third] = args as readonly [Made, Made, Made];
    const isSecret = args.some((arg) => arg.isSecret);
    const mapped = (made: Made, change: (text: string) => string): Made => ({
      text: made.text === undefined ? undefined : change(made.text),
      isSecret,
    });
    switch (name) {
      case 'secret':
        return { text: this.#secret(textOf(first)), isSecret: true };
      case 'env':
        return { text: this.#env(textOf(first)), isSecret: false };
      case 'default':
        return second.text === undefined || second.text === '' ? first : second;
      case 'required':
        if (second.text === undefined || second.text === '') throw new Error(textOf(first));
        return second;
      case 'redact':
        return { text: first.text, isSecret: true };
      case 'upper':
        return mapped(first, (text) => text.toUpperCase());
      case 'lower':
        return mapped(first, (text) => text.toLowerCase());
      case 'trim':
        return mapped(first, (text) => text.trim());
      default:
        return mapped(third, (text) => text.replaceAll(textOf(first), () => textOf(second)));
    }
  }

  #secret(name: string): string | undefined {
    const value = this.#sources.secret?.(name);
    if (value !== undefined) this.#redactor.add(value);
    return value;
  }

  #env(name: string): string | undefined {
    if (!this.#sources.envNames?.includes(name))
      throw new Error(`env ${name} is not on the list of names that may be read`);
    return this.#sources.env?.(name);
  }
}

const ARITY: Readonly<Record<string, number>> = {
  secret: 1,
  env: 1,
  default: 2,
  required: 2,
  redact: 1,
  upper: 1,
  lower: 1,
  trim: 1,
  replace: 3,
};

function textOf({ text }: Made): string {
  return text ?? '';
}

/** `secret db` for the message; names are no secrets. */
function nameOf(segment: Segment): string {
  if (typeof segment === 'string' || segment.kind === 'text') return 'a value';
  const source = [segment, ...segment.args].find(
    (term): term is Call => term.kind === 'call' && (term.name === 'env' || term.name === 'secret'),
  );
  const [name] = source?.args ?? [];
  return name?.kind === 'text' ? `${source?.name} ${name.text}` : 'a value';
}
