import type Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, type StreamAppend } from '#ledger';
import { openLedgerFile } from '../libs/ledger/src/embedded/schema.js';
import { collectGarbage, median, perSecond, rig, secondsOf, seededRandom, table } from './rig.js';

/**
 * Benchmark (a): what the ledger's append costs over bare better-sqlite3 with the same tables, indexes and sync.
 * 1,000 events a batch, one event an append at its exact revision (as intake does it), 400 B of data, 10 events a
 * token on average in random order. The bare side gets its rows ready-made: integer ids, revisions and packed ids.
 * `npm run build && node dist/bench/append.bench.js [rounds]`
 */
const BATCH = 1000;
const BATCHES_A_ROUND = 20;
const ROUNDS = Number(process.argv[2] ?? 25);
const TARGET = 0.9;

interface Row {
  /** Set for the first event of a stream. */
  newStream: string | undefined;
  stream: number;
  revision: number;
  id: Buffer;
  data: string;
}

interface Batch {
  appends: StreamAppend[];
  rows: Row[];
}

const random = seededRandom(20260310);
const streams: { name: string; revision: number }[] = [];
let made = 0;

/** One event of a token: a new one in one case of ten. */
function makeEvent(batch: Batch): void {
  const isNew = streams.length === 0 || random() < 0.1;
  const index = isNew ? streams.length : Math.floor(random() * streams.length);
  const hex = createHash('sha256').update(`event ${made++}`).digest('hex');
  if (isNew) streams.push({ name: `token-2${hex.slice(33)}`, revision: -1 });
  const stream = streams[index] ?? { name: '', revision: -1 };
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
  // Joined by way of bytes: neither side then pays for flattening a string made of pieces.
  const data = Buffer.from(
    JSON.stringify({ id, names: { jti: stream.name }, pad: hex.repeat(5).slice(0, 290) }),
  ).toString();
  const expected = isNew ? ('no_stream' as const) : BigInt(stream.revision);
  batch.appends.push({ stream: stream.name, events: [{ id, type: 'tallystick.token.validated.v1', data }], expected });
  const newStream = isNew ? stream.name : undefined;
  stream.revision += 1;
  batch.rows.push({
    newStream,
    stream: index + 1,
    revision: stream.revision,
    id: Buffer.from(hex.slice(0, 32), 'hex'),
    data,
  });
}

function makeRound(): Batch[] {
  return Array.from({ length: BATCHES_A_ROUND }, () => {
    const batch: Batch = { appends: [], rows: [] };
    for (let index = 0; index < BATCH; index++) makeEvent(batch);
    return batch;
  });
}

/** The ceiling: two prepared statements and a commit. */
class BareSqlite {
  readonly #insertStream: Database.Statement<[number, string]>;
  readonly #insertEvent: Database.Statement<[number, number, number, number, Buffer, number, null, string]>;
  #position = 0;

  constructor(readonly database: Database.Database) {
    this.#insertStream = database.prepare('INSERT INTO streams VALUES (?, ?)');
    this.#insertEvent = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    database.exec("INSERT INTO types VALUES (1, 'tallystick.token.validated.v1')");
  }

  append(rows: readonly Row[]): void {
    this.database.exec('BEGIN IMMEDIATE');
    const recorded = Date.now();
    for (const { newStream, stream, revision, id, data } of rows) {
      if (newStream !== undefined) this.#insertStream.run(stream, newStream);
      this.#insertEvent.run(++this.#position, stream, revision, 1, id, recorded, null, data);
    }
    this.database.exec('COMMIT');
  }
}

const directory = mkdtempSync(join(tmpdir(), 'tally-bench-'));
try {
  const open = (name: string) => openLedgerFile(join(directory, name), { access: 'write' });
  const ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write' });
  const bare = new BareSqlite(open('bare.sqlite'));
  const unsynced = new BareSqlite(open('unsynced.sqlite'));
  unsynced.database.pragma('synchronous = OFF');

  const times = { ledger: [] as number[], bare: [] as number[], unsynced: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const batches = makeRound();
    const measures: [keyof typeof times, () => unknown][] = [
      ['ledger', () => appendAll(ledger, batches)],
      ['bare', () => batches.forEach((batch) => bare.append(batch.rows))],
      ['unsynced', () => batches.forEach((batch) => unsynced.append(batch.rows))],
    ];
    // Taking turns at going first.
    if (round % 2 === 1) measures.reverse();
    for (const [name, run] of measures) {
      // Else the first to allocate anything would pay for moving the round's input between generations.
      collectGarbage();
      const seconds = await secondsOf(run);
      // Round 0 warms up.
      if (round > 0) times[name].push(seconds);
    }
  }
  await ledger.close();
  bare.database.close();
  unsynced.database.close();

  const events = BATCH * BATCHES_A_ROUND;
  const microseconds = (seconds: number) => ((seconds / events) * 1e6).toFixed(2);
  const [own, ceiling, cpu] = [times.ledger, times.bare, times.unsynced].map(median) as [
    number,
    number,
    number,
    number,
  ];
  const ratio = median(times.ledger.map((seconds, round) => (times.bare[round] ?? NaN) / seconds));
  console.log(`Ledger append, ${BATCH} events a batch, ${ROUNDS} alternating rounds of ${events} events, medians`);
  console.log(`${rig()}\n`);
  console.log(
    table([
      ['', 'events/s', 'µs an event'],
      ['ledger', perSecond(events, own), microseconds(own)],
      ['bare better-sqlite3, same tables and sync', perSecond(events, ceiling), microseconds(ceiling)],
      ['  of which sync to disk', '', microseconds(ceiling - cpu)],
      ['  of which SQLite (the same without sync)', perSecond(events, cpu), microseconds(cpu)],
      ['ledger over bare', '', microseconds(own - ceiling)],
    ]),
  );
  console.log(
    `\nratio (median of the rounds' ratios): ${ratio.toFixed(3)}, target ${TARGET}: ${ratio >= TARGET ? 'met' : 'MISSED'}`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function appendAll(ledger: EmbeddedLedger, batches: readonly Batch[]): Promise<void> {
  for (const { appends } of batches) {
    const outcomes = await ledger.appendMany(appends);
    if (!outcomes.every((outcome) => outcome.ok && outcome.written)) throw new Error('an append was refused');
  }
}
