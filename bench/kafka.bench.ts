import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BACKWARDS, END, EventStoreDBClient } from '@eventstore/db-client';
import type { Kafka } from 'kafkajs';
import { kafkaClient, kafkaConnectionOf, RANGE_RECORDS } from '#intake';
import { createLog } from '#platform';
import { median, perSecond, rig, table } from './rig.js';
import { appendAll, consumeAll } from './wire/ceilings.js';
import { brokerIn, cpuOf, peakOf, serveLedger, startProjector, tally, type Served } from './wire/processes.js';
import { PARTITIONS, publish, settingsOf, TOPIC } from './wire/requests.js';

/**
 * Benchmarks of the wire: from Kafka into the ledger by `tally projector`, each use an event (a) and by the minute (b),
 * and the memory of a projector with a backlog (c). Records fill whole ranges of minute mode in each partition. Broker, ledger and projector are processes of their own; so are
 * the ceilings, bare kafkajs and the official client's own appends of the same events.
 * `npm run build && node dist/bench/kafka.bench.js [--records N] [--range N] [--tokens N] [--rounds N] [--backlog N] [--only NAMES] [--profile DIR]`
 */
const TARGETS = { ratio: 0.7, minute: 5, peak: 512 };
const MEASURES = ['consume', 'raw', 'each', 'minute'] as const;
type Measure = (typeof MEASURES)[number];
const WORDS: Record<Measure, string> = {
  consume: 'bare kafkajs, committed by hand',
  raw: "the client's own appends",
  each: 'projector, each use an event',
  minute: 'projector, uses by the minute',
};
/** How often a projector's commits are looked at, in ms. */
const LOOK_MS = 50;

/** What one run took. */
interface Run {
  seconds: number;
  /** Seconds of processor time of the run's own process, the ledger and the broker. */
  cpu: [own: number, ledger: number, broker: number];
  /** Most memory of its own process, in MiB. */
  peak: number;
  /** Events that the ledger has for them. */
  events: number;
}

/** What stays for all runs. */
interface Rig {
  folder: string;
  broker: { pid: number; address: string };
  kafka: Kafka;
}

const { values: flags } = parseArgs({
  options: {
    records: { type: 'string', default: '1' },
    range: { type: 'string', default: String(RANGE_RECORDS) },
    // Of one partition.
    tokens: { type: 'string', default: '833' },
    rounds: { type: 'string', default: '3' },
    backlog: { type: 'string', default: '1' },
    only: { type: 'string', default: [...MEASURES, 'backlog'].join() },
    profile: { type: 'string' },
    // A ceiling, in a process of its own.
    ceiling: { type: 'string' },
    broker: { type: 'string', default: '' },
    ledger: { type: 'string', default: '' },
    group: { type: 'string', default: '' },
  },
});
const range = Number(flags.range);
const tokens = Number(flags.tokens);
const only = new Set(flags.only.split(','));

if (flags.ceiling === undefined) await measure(wholeSteps(flags.records), wholeSteps(flags.backlog));
else await runCeiling();

function wholeSteps(text: string): number {
  // A smaller rest would wait for more.
  const step = PARTITIONS * range;
  return Math.max(1, Math.ceil(Number(text) / step)) * step;
}

async function measure(records: number, backlog: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tally-wire-'));
  const broker = await brokerIn(join(folder, 'kafka'));
  try {
    await tally(['topics', 'create', '--kafka', broker.address], folder);
    const on: Rig = { folder, broker, kafka: clientOf(broker.address) };
    await publish(on.kafka, 0, records, tokens);
    const runs: Record<Measure, Run[]> = { consume: [], raw: [], each: [], minute: [] };
    for (let round = 0; round < Number(flags.rounds); round++) {
      const order = MEASURES.filter((name) => only.has(name));
      // Taking turns at going first.
      if (round % 2 === 1) order.reverse();
      for (const name of order) runs[name].push(await runOf(on, name, records, `${name}-${round}`));
    }
    print(records, runs);
    if (!only.has('backlog')) return;
    await publish(on.kafka, records, backlog, tokens);
    printBacklog(Math.max(backlog, records), await runOf(on, 'each', Math.max(backlog, records), 'backlog'));
  } finally {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One run over all records, with a consumer group and a ledger of its own. */
async function runOf(on: Rig, name: Measure, records: number, group: string): Promise<Run> {
  const folder = join(on.folder, group);
  mkdirSync(folder);
  const ledger = await serveLedger(folder, settingsOf(name === 'minute' ? 'minute' : 'each'));
  try {
    if (name === 'consume' || name === 'raw') return await ceilingRun(on, name, records, group, ledger);
    const profile = flags.profile === undefined ? {} : { profile: resolve(flags.profile, name) };
    const from = { broker: on.broker.address, ledger: ledger.url };
    const projector = await startProjector({ folder, ...from, group, range, ...profile });
    try {
      const ended = beginning(on, projector, ledger);
      await untilCommitted(on.kafka, group, records);
      return await ended();
    } finally {
      await projector.stop();
    }
  } finally {
    await ledger.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ceilingRun(
  on: Rig,
  name: 'consume' | 'raw',
  records: number,
  group: string,
  ledger: Served,
): Promise<Run> {
  const where = ['--broker', on.broker.address, '--ledger', ledger.url, '--group', group];
  const child = fork(fileURLToPath(import.meta.url), ['--ceiling', name, '--records', String(records), ...where]);
  try {
    await marked(child);
    const ended = beginning(on, { pid: child.pid! }, ledger);
    await marked(child);
    return await ended();
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

/** The child's next mark. */
async function marked(child: ReturnType<typeof fork>): Promise<void> {
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('a ceiling ended early'))),
  ]);
}

/** In the child: begun, over; then it waits to be looked at and let go. */
async function runCeiling(): Promise<void> {
  const { ceiling, broker, ledger, group, records } = flags;
  const marks = { begun: () => void process.send?.('begun'), over: () => void process.send?.('over') };
  const isLetGo = once(process, 'disconnect');
  const kafka = clientOf(broker);
  if (ceiling === 'raw') await appendAll(kafka, group, Number(records), ledger, marks);
  else await consumeAll(kafka, group, Number(records), marks);
  await isLetGo;
}

function beginning(on: Rig, own: { pid: number }, ledger: Served): () => Promise<Run> {
  const cpu = (): Run['cpu'] => [cpuOf(own.pid), cpuOf(ledger.pid), cpuOf(on.broker.pid)];
  const [began, before] = [performance.now(), cpu()];
  const eventsBefore = headOf(ledger.url);
  return async () => {
    const [ownBefore, ledgerBefore, brokerBefore] = before;
    const [ownNow, ledgerNow, brokerNow] = cpu();
    return {
      seconds: (performance.now() - began) / 1000,
      cpu: [ownNow - ownBefore, ledgerNow - ledgerBefore, brokerNow - brokerBefore],
      peak: peakOf(own.pid),
      events: (await headOf(ledger.url)) - (await eventsBefore),
    };
  };
}

/** Events in a ledger: its positions count them. */
async function headOf(url: string): Promise<number> {
  const client = EventStoreDBClient.connectionString(url);
  let head = 0;
  for await (const { commitPosition } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }))
    head = Number(commitPosition);
  await client.dispose();
  return head;
}

async function untilCommitted(kafka: Kafka, groupId: string, records: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  for (let committed = 0; committed < records; await new Promise((later) => setTimeout(later, LOOK_MS))) {
    const [topic] = await admin.fetchOffsets({ groupId, topics: [TOPIC] });
    committed = (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }
  await admin.disconnect();
}

function clientOf(brokers: string): Kafka {
  const log = createLog({ write: () => undefined });
  return kafkaClient(kafkaConnectionOf({ brokers, env: {} }), { log });
}

function print(records: number, runs: Record<Measure, Run[]>): void {
  const count = records.toLocaleString('en-US');
  console.log(
    `Kafka to the ledger: ${count} records of ${PARTITIONS} partitions with ${tokens} tokens each, ranges of ${range}, ${flags.rounds} alternating rounds, medians`,
  );
  console.log(`${rig()}, load ${loadavg()[0]!.toFixed(1)}\n`);
  const rows = MEASURES.filter((name) => runs[name].length > 0).map((name) => {
    const of = (what: (run: Run) => number): number => median(runs[name].map(what));
    const [own, ledger, broker] = [0, 1, 2].map((at) => of(({ cpu }) => cpu[at]!).toFixed(2));
    const peak = Math.max(...runs[name].map((run) => run.peak)).toFixed(0);
    const events = (of((run) => run.events) / records).toFixed(2);
    return [
      WORDS[name],
      perSecond(
        records,
        of(({ seconds }) => seconds),
      ),
      own!,
      ledger!,
      broker!,
      peak,
      events,
    ];
  });
  console.log(table([['', 'records/s', 'CPU s', 'ledger', 'broker', 'peak MiB', 'events a record'], ...rows]));
  const ratioOf = (a: Measure, b: Measure, what: (run: Run) => number): number =>
    median(runs[a].map((run, round) => (runs[b][round] === undefined ? NaN : what(runs[b][round])) / what(run)));
  const verdictOf = (words: string, a: Measure, b: Measure, target: number): void =>
    verdict(words, ratioOf(a, b, elapsed), ratioOf(a, b, ofProcessors), target);
  console.log("\nmedians of the rounds' ratios");
  verdictOf("each / the client's own appends", 'each', 'raw', TARGETS.ratio);
  verdictOf('by the minute / each', 'minute', 'each', TARGETS.minute);
}

function elapsed({ seconds }: Run): number {
  return seconds;
}

/** Of all processes: where all cores are busy, with whatever, only this counts. */
function ofProcessors({ cpu }: Run): number {
  return cpu.reduce((sum, each) => sum + each, 0);
}

function verdict(what: string, ratio: number, ofTime: number, target: number): void {
  if (Number.isNaN(ratio)) return;
  const isMet = ratio >= target ? 'met' : 'MISSED';
  console.log(`${what}: ${ratio.toFixed(2)}, target ${target}: ${isMet} (in processor time ${ofTime.toFixed(2)})`);
}

function printBacklog(records: number, { seconds, peak, cpu: [own] }: Run): void {
  const isMet = peak < TARGETS.peak ? 'met' : 'MISSED';
  console.log(
    `backlog of ${records.toLocaleString('en-US')} records: peak ${peak.toFixed(0)} MiB, target ${TARGETS.peak}: ${isMet}` +
      ` (${perSecond(records, seconds)}/s, CPU ${own.toFixed(1)} s)`,
  );
}
