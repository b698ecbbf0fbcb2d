import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { LoopVitals } from '#intake';
import type { RunningRole } from './intake-role.js';

/** What is measured of one consumer. Labels are topics, partitions and outcomes: never a source's, token's or person's name. */
export function measureConsumer(
  registry: Registry,
  vitals: () => LoopVitals | undefined,
  counts: () => RunningRole['counts'],
): void {
  const at = ['topic', 'partition'];
  new Gauge({
    name: 'tally_kafka_lag_records',
    help: 'Records of a partition that are not committed, as of the last fetch.',
    labelNames: at,
    registers: [registry],
    collect() {
      this.reset();
      for (const { topic, partition, lag } of vitals()?.partitions ?? []) this.set({ topic, partition }, lag);
    },
  });
  new Gauge({
    name: 'tally_kafka_lag_seconds',
    help: 'Age of the oldest record of a partition that is not committed.',
    labelNames: at,
    registers: [registry],
    collect() {
      this.reset();
      for (const { topic, partition, lagSeconds } of vitals()?.partitions ?? [])
        this.set({ topic, partition }, lagSeconds);
    },
  });
  new Gauge({
    name: 'tally_kafka_paused',
    help: '1 while a partition rests because the ledger failed.',
    labelNames: at,
    registers: [registry],
    collect() {
      this.reset();
      for (const { topic, partition, paused } of vitals()?.partitions ?? []) this.set({ topic, partition }, +paused);
    },
  });
  new Gauge({
    name: 'tally_kafka_seconds_since_progress',
    help: 'Since something was fetched, if only nothing new, or committed.',
    registers: [registry],
    collect() {
      this.set((vitals()?.sinceProgress ?? 0) / 1000);
    },
  });
  new Counter({
    name: 'tally_kafka_records_total',
    help: 'Records of Kafka by what became of them.',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [result, n] of Object.entries(vitals()?.results ?? {})) this.inc({ result }, n);
    },
  });
  new Counter({
    name: 'tally_kafka_facts_total',
    help: 'Records out of Kafka by what they were to the ledger, and the events that were appended for them.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, n] of Object.entries(counts() ?? {})) this.inc({ outcome }, n);
    },
  });
}

/** The metrics of a projector process. */
export class ProjectorMetrics {
  readonly registry = new Registry();

  constructor(role: () => RunningRole | undefined) {
    collectDefaultMetrics({ register: this.registry });
    measureConsumer(
      this.registry,
      () => role()?.vitals(),
      () => role()?.counts,
    );
  }
}
