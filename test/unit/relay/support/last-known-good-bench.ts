/** A persisted file in a folder of its own, and what a reader makes of it. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../../src/options/resolve.ts';
import type { ConfigurationMeta } from '../../../../src/relay/feed-events.ts';
import { LastKnownGood } from '../../../../src/relay/last-known-good.ts';
import type { Files } from '../../../../src/relay/last-known-good-file.ts';
import { FakeClock } from './fake-clock.ts';
import { RecordingLogger } from './recording-logger.ts';

export const DOCUMENT = Buffer.from('{"flags":{"one":{"variations":{"on":9007199254740993}}}}\n');

export function metaOf(body: Uint8Array, more: Partial<ConfigurationMeta> = {}): ConfigurationMeta {
  return { digest: createHash('sha256').update(body).digest('hex'), validator: '"v-1"', ...more };
}

export class PersistBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly folder = mkdtempSync(join(tmpdir(), 'edict-persist-'));
  readonly path = join(this.folder, 'flags.lkg');

  /** Another life of the same service; options that differ make it another owner. */
  open(options: EdictOptions = {}, files?: Files): LastKnownGood {
    const { clock, logger, path } = this;
    const given = { endpoint: 'http://relay', apiKey: 'the-secret-key', persistPath: path, clock, logger, ...options };
    const resolved = resolveOptions(given);
    return new LastKnownGood({ ...resolved, persistPath: resolved.persistPath ?? path }, files);
  }

  async save(body: Uint8Array = DOCUMENT, options: EdictOptions = {}): Promise<void> {
    const file = this.open(options);
    file.save(body, metaOf(body));
    await file.idle();
  }

  get bytes(): Buffer {
    return readFileSync(this.path);
  }

  write(bytes: string | Uint8Array): void {
    writeFileSync(this.path, bytes);
  }

  get names(): string[] {
    return readdirSync(this.folder);
  }

  get warnings(): string[] {
    return this.logger.at('warn');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
