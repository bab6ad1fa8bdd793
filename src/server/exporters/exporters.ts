/** The exporters of a relay or of a flag set, made and ended together. */

import type { SafeLogger } from '../../telemetry/logger.ts';
import type { EventSink } from '../collector/collector.ts';
import type { UsageEvent } from '../collector/usage-event.ts';
import type { ExportPorts } from './export-queue.ts';
import { ExportQueue } from './export-queue.ts';
import type { ResolvedExporter } from './exporter-options.ts';
import { createFileExporter } from './file-exporter.ts';
import { LogExporter } from './log-exporter.ts';
import { createWebhookExporter } from './webhook-exporter.ts';

export class Exporters implements EventSink {
  readonly #sinks: readonly EventSink[];

  constructor(exporters: readonly ResolvedExporter[], ports: ExportPorts & { readonly logger: SafeLogger }) {
    this.#sinks = exporters.map((exporter) => createExporter(exporter, ports));
  }

  take(event: UsageEvent, text: string): void {
    for (const sink of this.#sinks) sink.take(event, text);
  }

  /** Resolves when every exporter has sent what it had, or failed once. */
  async flush(): Promise<void> {
    await Promise.all(this.#queues().map((queue) => queue.flush()));
  }

  async close(deadlineMs: number): Promise<void> {
    await Promise.all(this.#queues().map((queue) => queue.close(deadlineMs)));
  }

  #queues(): ExportQueue[] {
    return this.#sinks.filter((sink) => sink instanceof ExportQueue);
  }
}

function createExporter(exporter: ResolvedExporter, ports: ExportPorts & { readonly logger: SafeLogger }): EventSink {
  switch (exporter.type) {
    case 'file':
      return createFileExporter(exporter, ports);
    case 'log':
      return new LogExporter(ports.logger);
    case 'webhook':
      ports.logger.remember(exporter.secret);
      return createWebhookExporter(exporter, ports);
  }
}
