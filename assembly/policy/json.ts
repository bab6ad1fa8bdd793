/** JSON as params, metadata and auth layers bring it. What is missing reads as null, so look-ups can be chained. */

const DEEPEST: i32 = 64;

enum Kind {
  Absent,
  Null,
  False,
  True,
  Number,
  Text,
  List,
  Object,
}

export class Json {
  private kind: Kind = Kind.Absent;
  private value: f64 = 0;
  private text: string = '';
  private names: string[] = [];
  private items: Json[] = [];

  /** Reads UTF-8. What is no JSON gives an absent value. */
  static parse(ptr: usize, length: u32): Json {
    if (length == 0) return new Json();
    const parser = new Parser(ptr, ptr + length);
    const value = parser.value(0);
    parser.space();
    return parser.broken || parser.at != parser.end ? new Json() : value;
  }

  static text(value: string): Json {
    const json = new Json();
    json.kind = Kind.Text;
    json.text = value;
    return json;
  }

  static number(value: f64): Json {
    const json = new Json();
    json.kind = Kind.Number;
    json.value = value;
    return json;
  }

  static constant(kind: i32): Json {
    const json = new Json();
    json.kind = kind == 0 ? Kind.Null : kind == 1 ? Kind.False : Kind.True;
    return json;
  }

  static list(items: Json[]): Json {
    const json = new Json();
    json.kind = Kind.List;
    json.items = items;
    return json;
  }

  static object(names: string[], items: Json[]): Json {
    const json = new Json();
    json.kind = Kind.Object;
    json.names = names;
    json.items = items;
    return json;
  }

  /** False where there was nothing to read. */
  get exists(): bool {
    return this.kind != Kind.Absent;
  }

  get isText(): bool {
    return this.kind == Kind.Text;
  }

  get isNumber(): bool {
    return this.kind == Kind.Number;
  }

  get isList(): bool {
    return this.kind == Kind.List;
  }

  get isObject(): bool {
    return this.kind == Kind.Object;
  }

  asText(otherwise: string = ''): string {
    return this.kind == Kind.Text ? this.text : otherwise;
  }

  asNumber(otherwise: f64 = 0): f64 {
    return this.kind == Kind.Number ? this.value : otherwise;
  }

  asBool(otherwise: bool = false): bool {
    return this.kind == Kind.True ? true : this.kind == Kind.False ? false : otherwise;
  }

  /** Items of a list, members of an object. */
  get length(): i32 {
    return this.items.length;
  }

  at(index: i32): Json {
    return index >= 0 && index < this.items.length ? this.items[index] : new Json();
  }

  nameAt(index: i32): string {
    return index >= 0 && index < this.names.length ? this.names[index] : '';
  }

  /** A member of an object; of two with one name the later. */
  get(name: string): Json {
    for (let i = this.names.length - 1; i >= 0; i--) if (this.names[i] == name) return this.items[i];
    return new Json();
  }
}

/** A text as JSON, quotes and all. */
export function quote(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x22) quoted += '\\"';
    else if (unit == 0x5c) quoted += '\\\\';
    else if (unit < 0x20) quoted += '\\u00' + (unit < 16 ? '0' : '1') + '0123456789abcdef'.charAt(unit & 15);
    else quoted += String.fromCharCode(unit);
  }
  return quoted + '"';
}

class Parser {
  broken: bool = false;

  constructor(
    public at: usize,
    readonly end: usize,
  ) {}

  space(): void {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
      this.at++;
    }
  }

  value(depth: i32): Json {
    this.space();
    if (depth > DEEPEST) return this.fail();
    switch (this.peek()) {
      case 0x7b:
        return this.object(depth);
      case 0x5b:
        return this.list(depth);
      case 0x22:
        return Json.text(this.quoted());
      case 0x6e:
        return this.word('null', 0);
      case 0x66:
        return this.word('false', 1);
      case 0x74:
        return this.word('true', 2);
      default:
        return this.number();
    }
  }

  private object(depth: i32): Json {
    const names: string[] = [];
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.take(0x7d)) return Json.object(names, items);
    while (!this.broken) {
      this.space();
      names.push(this.quoted());
      this.space();
      if (!this.take(0x3a)) return this.fail();
      items.push(this.value(depth + 1));
      this.space();
      if (this.take(0x7d)) return Json.object(names, items);
      if (!this.take(0x2c)) return this.fail();
    }
    return this.fail();
  }

  private list(depth: i32): Json {
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.take(0x5d)) return Json.list(items);
    while (!this.broken) {
      items.push(this.value(depth + 1));
      this.space();
      if (this.take(0x5d)) return Json.list(items);
      if (!this.take(0x2c)) return this.fail();
    }
    return this.fail();
  }

  private word(word: string, kind: i32): Json {
    for (let i = 0; i < word.length; i++) if (!this.take(<u8>word.charCodeAt(i))) return this.fail();
    return Json.constant(kind);
  }

  private number(): Json {
    const start = this.at;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      const isPart =
        (byte >= 0x30 && byte <= 0x39) || byte == 0x2d || byte == 0x2b || byte == 0x2e || byte == 0x65 || byte == 0x45;
      if (!isPart) break;
      this.at++;
    }
    if (this.at == start) return this.fail();
    const value = F64.parseFloat(String.UTF8.decodeUnsafe(start, this.at - start));
    return isNaN(value) ? this.fail() : Json.number(value);
  }

  private quoted(): string {
    if (!this.take(0x22)) {
      this.broken = true;
      return '';
    }
    let text = '';
    let start = this.at;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte == 0x22) {
        text += String.UTF8.decodeUnsafe(start, this.at - start);
        this.at++;
        return text;
      }
      if (byte != 0x5c) {
        this.at++;
        continue;
      }
      text += String.UTF8.decodeUnsafe(start, this.at - start);
      this.at++;
      text += this.escape();
      start = this.at;
    }
    this.broken = true;
    return '';
  }

  private escape(): string {
    const byte = this.peek();
    this.at++;
    switch (byte) {
      case 0x62:
        return '\b';
      case 0x66:
        return '\f';
      case 0x6e:
        return '\n';
      case 0x72:
        return '\r';
      case 0x74:
        return '\t';
      case 0x75:
        return String.fromCharCode(this.hex());
      default:
        if (byte != 0x22 && byte != 0x5c && byte != 0x2f) this.broken = true;
        return String.fromCharCode(byte);
    }
  }

  private hex(): i32 {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const byte = <i32>this.peek();
      this.at++;
      let digit = -1;
      if (byte >= 0x30 && byte <= 0x39) digit = byte - 0x30;
      else if ((byte | 32) >= 0x61 && (byte | 32) <= 0x66) digit = (byte | 32) - 0x57;
      if (digit < 0) this.broken = true;
      value = (value << 4) | (digit & 15);
    }
    return value;
  }

  private peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  private take(byte: u8): bool {
    if (this.peek() != byte || this.at >= this.end) return false;
    this.at++;
    return true;
  }

  private fail(): Json {
    this.broken = true;
    return new Json();
  }
}
