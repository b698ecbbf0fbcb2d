import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerClosed } from '../errors.js';
import { checkAppend } from '../event-check.js';
import { START, type AppendOutcome, type StreamAppend } from '../port.js';
import { BatchStream, type BatchAnswer } from './batch-stream.js';
import type { Connection } from './connection.js';
import { AppendUnanswered, EventStoreTooOld } from './errors.js';
import { TookTooLong } from './faults.js';
import type { Observed } from './observed.js';
import { proposedAppend, type ProposedAppend } from './proposed.js';
import { Slots } from './slots.js';
import type { Place } from './recorded.js';
import type { WireClient } from './wire-client.js';

export interface AppendOptions {
  /** Appends under way at once. */
  inFlight: number;
  /** From the first try of an append to giving it up, in ms. */
  deadlineMs: number;
  /** Bytes of data and metadata that one append may carry. */
  maxAppendBytes: number;
}

/** Bytes under way at once, whatever the count: what a batch of large appends may hold in memory twice. */
const MAX_BYTES = 16 * 1024 * 1024;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

interface OpenBatch {
  client: WireClient;
  stream: Promise<BatchStream>;
  opened?: BatchStream;
}

/** Why an append is given up without being sent: another of its call failed, and the whole call is repeated. */
class NotSent extends Error {}

/**
 * Appends over one batch stream: many under way at once, those of one stream one after another. What the wire loses
 * is sent again with the same ids and expected revision, which the server recognises, until the deadline.
 */
export class Appends {
  readonly #slots: Slots;
  /** The last append of each stream that is under way or waits. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #batch: OpenBatch | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly observed: Observed,
    private readonly options: AppendOptions,
    /** The last event of a stream; what an append of nothing is judged by. */
    private readonly lastOf: (stream: string) => Promise<Place | undefined>,
  ) {
    this.#slots = new Slots(options.inFlight, MAX_BYTES);
  }

  /** @throws what went wrong with the first append that failed for good, after all others under way have settled */
  async run(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    for (const append of appends) checkAppend(append);
    const proposed = appends.map((append) => proposedAppend(append, this.options.maxAppendBytes));
    const failure = new AbortController();
    const settled = await Promise.allSettled(proposed.map((append) => this.#inTurn(append, failure)));
    if (failure.signal.aborted) throw failure.signal.reason;
    return settled.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    });
  }

  #inTurn(append: ProposedAppend, failure: AbortController): Promise<AppendOutcome> {
    const { stream } = append;
    const before = this.#tails.get(stream);
    const turn = this.#inSlot(append, failure, before);
    this.#tails.set(stream, turn);
    const leave = (): void => {
      if (this.#tails.get(stream) === turn) this.#tails.delete(stream);
    };
    turn.then(leave, leave);
    return turn;
  }

  async #inSlot(
    append: ProposedAppend,
    failure: AbortController,
    before: Promise<unknown> | undefined,
  ): Promise<AppendOutcome> {
    if (before !== undefined) await before.catch(() => undefined);
    const free = this.#slots.take(append.bytes);
    if (free !== undefined) await free;
    try {
      // Nothing more is begun of a call that has failed: its caller repeats all of it.
      if (failure.signal.aborted) throw new NotSent();
      return await this.#untilAnswered(append);
    } catch (error) {
      failure.abort(error);
      throw error;
    } finally {
      this.#slots.give(append.bytes);
    }
  }

  async #untilAnswered(append: ProposedAppend): Promise<AppendOutcome> {
    if (append.events.length === 0) return this.#nothing(append);
    const { deadlineMs } = this.options;
    const deadline = Date.now() + deadlineMs;
    // Every event that is written from now on stands behind what was seen before.
    const seen = this.observed.position;
    let why = 'no answer came';
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const client = this.connection.client();
      let cause: unknown;
      try {
        const answer = await this.#try(client, append, deadline);
        if (answer.ok !== 'again') return this.#outcome(answer, append, seen);
        why = answer.why;
      } catch (error) {
        cause = error;
        if (this.connection.closing.aborted) throw new LedgerClosed();
        const judged = this.connection.judge(error, client);
        if (judged === undefined) throw error;
        if (!judged.mayRetry) throw this.connection.named(judged.fault, error);
        if (judged.fault.kind === 'broken' && Date.now() < deadline) why = judged.fault.why;
      }
      if (Date.now() + pause >= deadline) throw new AppendUnanswered(append.stream, deadlineMs, why, cause);
      await sleep(pause, undefined, { signal: this.connection.closing }).catch(() => undefined);
    }
  }

  async #try(client: WireClient, append: ProposedAppend, deadline: number): Promise<BatchAnswer> {
    const batch = this.#openOn(client) ?? (await inTime(this.#batchOn(client), deadline));
    return batch.send(append, deadline);
  }

  #openOn(client: WireClient): BatchStream | undefined {
    const opened = this.#batch?.client === client ? this.#batch.opened : undefined;
    return opened?.isOpen === true ? opened : undefined;
  }

  /** The batch stream of a client; whoever comes first after its end opens the next one, the others find it. */
  #batchOn(client: WireClient): Promise<BatchStream> {
    const current = this.#batch;
    if (current?.client === client && current.opened?.isOpen !== false) return current.stream;
    const next: OpenBatch = { client, stream: this.#openBatch(client) };
    this.#batch = next;
    next.stream.then(
      (opened) => (next.opened = opened),
      () => {
        if (this.#batch === next) this.#batch = undefined;
      },
    );
    return next.stream;
  }

  async #openBatch(client: WireClient): Promise<BatchStream> {
    if (!(await client.supportsBatchAppend()))
      throw new EventStoreTooOld(this.connection.address.shown, await client.serverVersion());
    return new BatchStream(await client.batchAppend());
  }

  /** Servers do not agree on what to answer where nothing is to be written. */
  async #nothing({ stream, expected }: ProposedAppend): Promise<AppendOutcome> {
    const last = await this.lastOf(stream);
    const current = last?.revision ?? -1n;
    const wanted = expected === 'no_stream' ? -1n : expected;
    const fits = wanted === 'any' || (wanted === 'stream_exists' ? current >= 0n : wanted === current);
    if (!fits) return { ok: false, expected, actual: last?.revision };
    return { ok: true, revision: current, position: last?.position ?? START, written: false };
  }

  #outcome(answer: Exclude<BatchAnswer, { ok: 'again' }>, { expected }: ProposedAppend, seen: bigint): AppendOutcome {
    if (!answer.ok) {
      const { actual, isDeleted } = answer;
      return { ok: false, expected, actual, ...(isDeleted && { isDeleted }) };
    }
    this.observed.see(answer.position);
    const { revision, position } = answer;
    return { ok: true, revision, position, written: position > seen };
  }
}

/** Waits for something that has no deadline of its own. */
function inTime<T>(promise: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TookTooLong()), deadline - Date.now());
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
