/** A flag set as the routes see it: what a key opens. */

import type { SafeLogger } from '../telemetry/logger.ts';
import type { EventSink } from './collector/collector.ts';
import { Collector } from './collector/collector.ts';
import type { ExportPorts } from './exporters/export-queue.ts';
import { Exporters } from './exporters/exporters.ts';
import { FileSource } from './file-source.ts';
import type { FlagDocument } from './flag-set.ts';
import type { ResolvedFlagSet } from './flag-set-options.ts';
import type { FlagEvaluator, StoreEvent } from './flag-store.ts';
import { FlagStore } from './flag-store.ts';
import { HttpSource } from './http-source.ts';
import type { FlagMap } from './memory-source.ts';
import { MemorySource } from './memory-source.ts';

/** Everything that one flag set has for itself. Two flag sets share no flag, no enrichment and no evaluator. */
export interface RelayFlagSet {
  readonly name: string;
  /** False for the only flag set of a relay, which nobody needs to name. */
  readonly isNamed: boolean;
  readonly store: FlagStore;
  readonly collector: Collector;
  /** The exporters of this flag set alone. */
  readonly exporters: Exporters;
  /** Puts these flags in the place of those handed over before; resolves when the outcome is in force. */
  setFlags(flags: FlagMap): Promise<void>;
}

export interface FlagSetDependencies {
  readonly isNamed: boolean;
  readonly debounceMs: number;
  readonly checkIntervalMs: number;
  readonly maxStoredEvents: number;
  readonly exportPorts: ExportPorts & { readonly logger: SafeLogger };
  /** The exporters of the relay as a whole. */
  readonly sharedExporters: EventSink;
  readonly createEvaluator: (document: FlagDocument) => Promise<FlagEvaluator>;
  readonly listener: (event: StoreEvent, flagSet: RelayFlagSet) => void;
}

/** Makes a flag set that has read nothing yet. Its files come first, then URLs, then what is handed over in memory. */
export function createFlagSet(options: ResolvedFlagSet, dependencies: FlagSetDependencies): RelayFlagSet {
  const { debounceMs, checkIntervalMs } = dependencies;
  const memory = new MemorySource(options.flags);
  const files = options.flagFiles.map(
    ({ path, format }) => new FileSource({ path, format, debounceMs, checkIntervalMs }),
  );
  const { clock, random } = dependencies.exportPorts;
  const urls = options.flagUrls.map((url) => new HttpSource({ ...url, clock, random }));
  const store = new FlagStore({
    sources: [...files, ...urls, memory],
    enrichment: options.evaluationContextEnrichment,
    createEvaluator: dependencies.createEvaluator,
    listener: (event) => dependencies.listener(event, flagSet),
  });
  const exporters = new Exporters(options.exporters, dependencies.exportPorts);
  const flagSet: RelayFlagSet = {
    name: options.name,
    isNamed: dependencies.isNamed,
    store,
    collector: new Collector({
      flagSet: options.name,
      maxStoredEvents: dependencies.maxStoredEvents,
      sinks: [exporters, dependencies.sharedExporters],
      logger: dependencies.exportPorts.logger,
    }),
    exporters,
    setFlags: (flags) => {
      memory.replace(flags);
      return store.takeOver();
    },
  };
  return flagSet;
}

/** A source's name where flag sets have names: two of them may read files of one name. */
export function sourceLabel(flagSet: Pick<RelayFlagSet, 'name' | 'isNamed'>, source: string): string {
  return flagSet.isNamed ? `${flagSet.name}/${source}` : source;
}
