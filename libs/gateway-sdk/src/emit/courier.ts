import { sleep, type Clock } from '../clock.js';
import { cloudEventOf, type Writer, type Written } from '../events/cloud-event.js';
import type { Draft } from '../events/draft.js';
import { backoffMs, type RetryOptions } from '../send/backoff.js';
import type { Outcome, Problem, Rejection, Transport } from '../send/transport.js';
import type { Bounds, Loss, Ring } from './ring.js';

export interface CourierOptions {
  ring: Ring<Draft>;
  transport: Transport;
  writer: Writer;
  batch: Bounds & { ms: number };
  retry: RetryOptions;
  clock: Clock;
  random: () => number;
  /** Makes the event that tells of a loss. */
  gap(loss: Loss): Draft;
  onProblem(problem: Problem, attempt: number): void;
  onRejected(rejection: Rejection): void;
  onRefused(why: string): void;
}

/** Events that are named and written in one go; in between, whatever waits on this thread gets its turn. */
const SLICE = 32;

/** Brings what lies in the ring to the other side, one batch after another, each for as long as it takes. */
export class Courier {
  readonly counts = {
    accepted: 0,
    duplicates: 0,
    conflicts: 0,
    rejected: 0,
    refused: 0,
    batches: 0,
    retries: 0,
  };
  lastProblem: Problem | undefined;
  #running = false;
  #cancelTimer: (() => void) | undefined;
  /** While anybody flushes, nothing waits for company. */
  #hurry = 0;
  #whenEmpty: (() => void)[] = [];
  readonly #stop = new AbortController();

  constructor(private readonly options: CourierOptions) {}

  /** Called for each event: starts a batch that is full, and sees to it that no event waits longer than `batch.ms`. */
  poke(): void {
    if (this.#running || this.#stop.signal.aborted) return;
    const { ring, batch, clock } = this.options;
    if (this.#hurry > 0 || ring.waiting >= batch.events || ring.waitingBytes >= batch.bytes) this.#start();
    else this.#cancelTimer ??= clock.after(batch.ms, () => this.#start());
  }

  /** Resolves when nothing waits and nothing is under way. */
  async empty(): Promise<void> {
    if (this.#isEmpty) return;
    this.#hurry++;
    try {
      await new Promise<void>((resolve) => {
        this.#whenEmpty.push(resolve);
        this.poke();
      });
    } finally {
      this.#hurry--;
    }
  }

  /** Gives up what is under way; nothing is sent any more. */
  stop(): void {
    this.#cancelTimer?.();
    this.#stop.abort();
  }

  get #isEmpty(): boolean {
    const { ring } = this.options;
    return !this.#running && ring.waiting === 0 && !ring.hasLoss;
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#running) return;
    this.#running = true;
    // Not on the stack of whoever emitted.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    const { ring, batch } = this.options;
    const { signal } = this.#stop;
    try {
      do {
        const written = await this.#write();
        if (written.length > 0) await this.#deliver(written);
        if (!signal.aborted) ring.settle();
      } while (
        !signal.aborted &&
        (ring.waiting >= batch.events || ring.waitingBytes >= batch.bytes || (this.#hurry > 0 && !this.#isDone))
      );
    } finally {
      this.#running = false;
    }
    if (signal.aborted) return;
    if (!this.#isDone) this.poke();
    else for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  get #isDone(): boolean {
    return this.options.ring.waiting === 0 && !this.options.ring.hasLoss;
  }

  /** The next batch. A loss is told first, and is part of the batch from then on: it cannot be lost itself. */
  async #write(): Promise<Written[]> {
    const { ring, batch, writer, gap, onRefused } = this.options;
    const loss = ring.takeLoss();
    const drafts = ring.take(batch);
    if (loss !== undefined) drafts.unshift(gap(loss));
    const events: Written[] = [];
    for (const [i, draft] of drafts.entries()) {
      if (i % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
      const event = written(draft, writer);
      if ('why' in event) {
        this.counts.refused++;
        onRefused(event.why);
      } else events.push(event);
    }
    return events;
  }

  async #deliver(events: Written[]): Promise<void> {
    const { transport, retry, clock, random, onProblem } = this.options;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const outcome = await this.#send(transport, events);
      if (signal.aborted && outcome.kind !== 'taken') return;
      if (outcome.kind === 'taken') return this.#account(outcome);
      if (outcome.kind === 'too-large') return this.#divide(events);
      this.counts.retries++;
      this.lastProblem = outcome.problem;
      onProblem(outcome.problem, attempt + 1);
      await sleep(clock, Math.max(outcome.afterMs ?? 0, backoffMs(attempt, retry, random)), signal);
    }
  }

  async #send(transport: Transport, events: Written[]): Promise<Outcome> {
    try {
      return await transport.send({ events }, this.#stop.signal);
    } catch {
      return { kind: 'again', problem: { code: 'failed' } };
    }
  }

  async #divide(events: Written[]): Promise<void> {
    const [only] = events;
    if (only !== undefined && events.length === 1) {
      const rejection = {
        id: only.id,
        type: only.type,
        field: '(record)',
        reason: 'is larger than the other side takes',
      };
      return this.#account({ kind: 'taken', accepted: 0, duplicates: 0, conflicts: 0, rejections: [rejection] });
    }
    const middle = events.length >> 1;
    await this.#deliver(events.slice(0, middle));
    await this.#deliver(events.slice(middle));
  }

  #account({ accepted, duplicates, conflicts, rejections }: Extract<Outcome, { kind: 'taken' }>): void {
    this.counts.batches++;
    this.counts.accepted += accepted;
    this.counts.duplicates += duplicates;
    this.counts.conflicts += conflicts;
    this.counts.rejected += rejections.length;
    for (const rejection of rejections) this.options.onRejected(rejection);
  }
}

function written(draft: Draft, writer: Writer): Written | { why: string } {
  try {
    return cloudEventOf(draft, writer);
  } catch {
    // An instant that no calendar has, for one. Nothing of the event is told.
    return { why: 'cannot be written as a CloudEvent' };
  }
}
