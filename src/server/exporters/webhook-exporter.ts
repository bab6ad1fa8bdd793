/** Sends batches of events to a webhook, signed when there is a secret. */

import { createHmac } from 'node:crypto';
import { hostname } from 'node:os';
import { canonicalJson } from '../../internal/canonical-json.ts';
import { startTimer } from '../../options/clock.ts';
import type { ExportPorts } from './export-queue.ts';
import { BatchRefused, ExportQueue } from './export-queue.ts';
import type { WebhookExporterOption } from './exporter-options.ts';
import { post } from './post.ts';

const MAX_QUEUED_EVENTS = 10_000;
/** Statuses of the 4xx class that say "not now" instead of "never". */
const TRANSIENT = new Set([408, 425, 429]);

/** Makes the exporter. A request has one deadline; a 4xx drops its batch, everything else is tried again. */
export function createWebhookExporter(options: Required<WebhookExporterOption>, ports: ExportPorts): ExportQueue {
  const url = new URL(options.url);
  // GO Feature Flag names the machine, so that one webhook can serve several.
  const meta = canonicalJson({ hostname: hostname(), ...options.meta });
  return new ExportQueue({
    ...ports,
    kind: 'webhook',
    // The host alone: paths and queries of webhooks are often secrets.
    label: `export to ${url.host}`,
    flushIntervalMs: options.flushIntervalMs,
    maxBatchEvents: options.maxBatchEvents,
    maxQueuedEvents: MAX_QUEUED_EVENTS,
    send: async (texts, stop) => {
      const body = Buffer.from(`{"meta":${meta},"events":[${texts.join(',')}]}`, 'utf8');
      const deadline = new AbortController();
      const timer = startTimer(ports.clock, () => deadline.abort(), options.timeoutMs);
      let status: number;
      try {
        status = await post({
          url,
          headers: { ...options.headers, 'Content-Type': 'application/json', ...signature(body, options.secret) },
          body,
          signal: AbortSignal.any([stop, deadline.signal]),
        });
      } catch (caught) {
        const code = (caught as NodeJS.ErrnoException).code;
        const reason = deadline.signal.aborted ? `no answer within ${options.timeoutMs} ms` : `no answer (${code})`;
        throw new Error(reason, { cause: caught });
      } finally {
        ports.clock.clearTimeout(timer);
      }
      if (status >= 200 && status < 300) return;
      const isPermanent = status >= 400 && status < 500 && !TRANSIENT.has(status);
      throw isPermanent ? new BatchRefused(`status ${status}`) : new Error(`status ${status}`);
    },
  });
}

/** As GitHub signs its webhooks: HMAC with SHA-256 over the bytes of the body. */
function signature(body: Buffer, secret: string): Record<string, string> {
  if (secret === '') return {};
  return { 'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}
