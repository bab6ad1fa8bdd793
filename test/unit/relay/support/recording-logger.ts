/** A logger that remembers what it was told. */

import type { Logger } from '../../../../src/telemetry/logger.ts';

export class RecordingLogger implements Logger {
  readonly lines: { readonly level: string; readonly text: string }[] = [];

  error(...args: unknown[]): void {
    this.#record('error', args);
  }

  warn(...args: unknown[]): void {
    this.#record('warn', args);
  }

  info(...args: unknown[]): void {
    this.#record('info', args);
  }

  debug(...args: unknown[]): void {
    this.#record('debug', args);
  }

  at(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.text);
  }

  get text(): string {
    return this.lines.map((line) => line.text).join('\n');
  }

  #record(level: string, args: readonly unknown[]): void {
    this.lines.push({ level, text: args.map(String).join(' ') });
  }
}
