/** Walks a queue through random steps beside a model that does the same with plain arrays, and compares after each. */

import type { Batch } from '../../../../src/internal/event-batch.ts';
import { EventQueue } from '../../../../src/internal/event-queue.ts';
import { Ledger } from '../../../../src/usage/ledger.ts';
import { type QueueOptions, queueLimits } from '../../../../src/usage/queue-limits.ts';
import { splitSummaryEvent, summaryEvents } from '../../../../src/usage/summary-event.ts';
import { UsageSummary } from '../../../../src/usage/usage-summary.ts';
import type { Random } from '../../flags/jsonlogic/random-cases.ts';

export interface WalkTally {
  readonly steps: number;
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: number;
}

/** Events by number, with their sizes: what the queue should hold, oldest first. */
class Model {
  readonly held: { id: string; events: { text: string; size: number }[] }[] = [];
  readonly ring: { text: string; size: number }[] = [];
  /** Lost to a limit, of events alone: summaries never are. */
  dropped = 0;

  get waiting(): number {
    return this.held.reduce((sum, { events }) => sum + events.length, this.ring.length);
  }
}

/**
 * Throws with the step and the difference. `options` decide which limits are met: small ones, so that each is met often.
 */
export function walk(random: Random, steps: number, options: QueueOptions): WalkTally {
  const ledger = new Ledger();
  const queue = new EventQueue(queueLimits(options), ledger, 10, splitSummaryEvent);
  const summary = new UsageSummary(2_000);
  const model = new Model();
  const pad = 'x'.repeat(400);
  let offered = 0;
  let counted = 0;
  let summariesSent = 0;
  let inFlight: Batch | undefined;
  for (let step = 0; step < steps; step++) {
    const fail = (what: string): never => {
      throw new Error(`step ${step}: ${what}`);
    };
    const kind = random.below(100);
    if (kind < 60) {
      const name = `${offered++}:`;
      const text = name + pad.slice(0, random.below(random.below(50) === 0 ? 400 : 60));
      queue.offer(Buffer.from(text), text.length);
      offerTo(
        model,
        { text, size: text.length },
        options,
        inFlight !== undefined && inFlight.summary === undefined ? inFlight.id : undefined,
      );
    } else if (kind < 70) {
      summary.add(
        { flagKey: `k${random.below(40)}`, variation: 'v', reason: 'R', isDefault: random.below(4) === 0 },
        60 * random.below(30),
      );
      ledger.accepted++;
      counted++;
    } else if (kind < 80) {
      if (inFlight === undefined && !queue.holdsSummary && summary.total > 0) {
        const { counts, period } = summary.take();
        queue.hold(summaryEvents(counts, period, 0, 1_500));
      }
    } else if (inFlight === undefined) {
      inFlight = queue.begin();
      if (inFlight !== undefined && inFlight.summary === undefined) begun(model, inFlight, fail);
      else if (inFlight === undefined && model.waiting > 0) fail('began nothing although events wait');
    } else {
      const outcome = (['sent', 'keep', 'refused', 'split'] as const)[random.below(4)] as 'sent';
      const events = inFlight.content.split(',');
      if (inFlight.summary !== undefined && outcome === 'sent') summariesSent += inFlight.weight;
      if (inFlight.summary === undefined) settled(model, inFlight, outcome, events, fail);
      queue.settle(outcome);
      inFlight = undefined;
    }
    const pending = queue.pending + summary.total;
    if (ledger.accepted !== offered + counted) fail(`${ledger.accepted} accepted of ${offered + counted}`);
    if (ledger.accepted !== ledger.sent + ledger.dropped + pending) fail(`not balanced: ${pending} pending`);
    if (queue.bytes < 0) fail('bytes below zero');
  }
  const { total, ...causes } = ledger.describe()['dropped'] as Record<string, number>;
  if (model.dropped !== (causes['overflow'] as number) + (causes['bytes'] as number)) {
    throw new Error(`the limits cost ${JSON.stringify(causes)}, expected ${model.dropped}`);
  }
  if (total !== Object.values(causes).reduce((sum, count) => sum + count, 0)) throw new Error('causes do not add up');
  const lost = queue.abandon();
  if (ledger.accepted !== ledger.sent + ledger.dropped + summary.total) throw new Error(`abandoned ${lost}`);
  if (summariesSent === 0) throw new Error('no summary was ever sent: the walk is not what it says');
  return { steps, accepted: ledger.accepted, sent: ledger.sent, dropped: ledger.dropped };
}

function offerTo(
  model: Model,
  event: { text: string; size: number },
  options: QueueOptions,
  flying: string | undefined,
): void {
  const maxBytes = options.maxPendingBytes;
  if (event.size > maxBytes) return;
  const fits = (waiting: number, bytes: number): boolean =>
    waiting < 2 * options.maxPendingEvents && bytes + event.size <= maxBytes;
  const bytesOf = (events: { size: number }[]): number => events.reduce((sum, { size }) => sum + size, 0);
  const all = (): { text: string; size: number }[] => [...model.held.flatMap(({ events }) => events), ...model.ring];
  const flight = model.held.find(({ id }) => id === flying)?.events ?? [];
  if (!fits(all().length, bytesOf(all()))) {
    if (options.overflow === 'drop-newest' || !fits(flight.length, bytesOf(flight))) {
      model.dropped++;
      return;
    }
    while (!fits(all().length, bytesOf(all()))) {
      const batch = model.held.find(({ id }) => id !== flying);
      model.dropped++;
      if (batch === undefined) model.ring.shift();
      else {
        batch.events.shift();
        if (batch.events.length === 0) model.held.splice(model.held.indexOf(batch), 1);
      }
    }
  }
  model.ring.push({ text: event.text, size: event.size });
}

/** The batch must be the oldest events: those held before, or a fresh cut of the ring. */
function begun(model: Model, batch: Batch, fail: (what: string) => never): void {
  const texts = batch.content.split(',');
  if (model.held.length === 0) model.held.push({ id: batch.id, events: model.ring.splice(0, texts.length) });
  const [first] = model.held as [(typeof model.held)[number]];
  // Halves are given their ids by the queue.
  if (first.id === '') first.id = batch.id;
  if (first.id !== batch.id) fail(`began ${batch.id}, expected ${first.id}`);
  const expected = first.events.map(({ text }) => text);
  if (expected.join() !== texts.join()) fail(`the batch is not the oldest events: ${texts} for ${expected}`);
}

function settled(
  model: Model,
  batch: Batch,
  outcome: string,
  events: readonly string[],
  fail: (what: string) => never,
): void {
  const [first] = model.held as [(typeof model.held)[number]];
  if (first.id !== batch.id || first.events.map(({ text }) => text).join() !== events.join()) fail('changed in flight');
  if (outcome === 'keep') return;
  model.held.shift();
  if (outcome !== 'split' || first.events.length < 2) return;
  const middle = first.events.length >> 1;
  model.held.unshift({ id: '', events: first.events.slice(0, middle) }, { id: '', events: first.events.slice(middle) });
}
