import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { IngestAnswer, IngestOptions, Params, QuestionName, Tally, Answer } from './tally/questions.js';
import type { Vitals } from './vitals.js';

const OUTCOMES = ['accepted', 'duplicates', 'conflicts', 'rejected', 'ignored'] as const;
type Counted = (typeof OUTCOMES)[number] | 'events';

/** What is measured of one running tally. Labels are outcomes and questions: never a source's, token's or person's name. */
export class Metrics {
  readonly registry = new Registry();
  private readonly records = new Counter({
    name: 'tally_records_total',
    help: 'Records that were taken in, by what became of them.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  private readonly events = new Counter({
    name: 'tally_events_total',
    help: 'Events that were appended to the ledger for records.',
    registers: [this.registry],
  });
  private readonly batches = new Histogram({
    name: 'tally_batch_seconds',
    help: 'Time from one durable batch of an input to the next.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  private readonly questions = new Histogram({
    name: 'tally_question_seconds',
    help: 'Time until a question had its answer; rows stream afterwards.',
    labelNames: ['question'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120],
    registers: [this.registry],
  });

  constructor(vitals: Vitals) {
    collectDefaultMetrics({ register: this.registry });
    const gauge = (name: string, help: string, read: () => number | Promise<number>): Gauge =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        async collect() {
          this.set(await read());
        },
      });
    gauge('tally_ledger_head', 'Position of the last event in the ledger.', async () => Number(await vitals.head()));
    gauge('tally_dead_letters', 'Refused records that wait to be driven again.', () => vitals.deadLetters());
    for (const outcome of OUTCOMES) this.records.inc({ outcome }, 0);
  }

  /** The same tally, measured. */
  measured(tally: Tally): Tally {
    return {
      ask: (question, params) => this.ask(tally, question, params),
      ingest: (input, options, onProgress) => this.ingest(tally, input, options, onProgress),
      close: () => tally.close(),
    };
  }

  private async ask<Q extends QuestionName>(tally: Tally, question: Q, params: Params<Q>): Promise<Answer> {
    const stop = this.questions.startTimer({ question });
    try {
      return await tally.ask(question, params);
    } finally {
      stop();
    }
  }

  private async ingest(
    tally: Tally,
    input: AsyncIterable<Uint8Array>,
    options: IngestOptions,
    onProgress?: (report: IngestAnswer) => void,
  ): Promise<IngestAnswer> {
    const counted: Record<Counted, number> = {
      accepted: 0,
      duplicates: 0,
      conflicts: 0,
      rejected: 0,
      ignored: 0,
      events: 0,
    };
    let stop = this.batches.startTimer();
    return tally.ingest(input, options, (report) => {
      stop();
      for (const outcome of OUTCOMES) this.records.inc({ outcome }, report[outcome] - counted[outcome]);
      this.events.inc(report.events - counted.events);
      for (const key of [...OUTCOMES, 'events'] as const) counted[key] = report[key];
      onProgress?.(report);
      stop = this.batches.startTimer();
    });
  }
}
