import { EventStoreDBClient, jsonEvent, type JSONType } from '@eventstore/db-client';
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmbeddedLedger, EventStoreLedger, LedgerEndpoint, type StreamAppend } from '#ledger';
import { collectGarbage, median, perSecond, rig, secondsOf, seededRandom, table } from './rig.js';

/**
 * Benchmark (g): appends over the wire, the official client's own `appendToStream` against `appendMany` of the ledger on
 * it. The same events, one an append at its exact revision, 400 B, 128 under way at once; the server is the product's
 * endpoint in a process of its own. The client's side gets its events ready-made.
 * `npm run build && node dist/bench/eventstore-append.bench.js [rounds]`
 */
const IN_FLIGHT = 128;
const EVENTS_A_ROUND = 5000;
const TARGET = 0.9;
const TYPE = 'tallystick.token.validated.v1';

if (process.argv[2] === 'serve') await serve(process.argv[3] ?? '');
else await measure(Number(process.argv[2] ?? 8));

/** The server; ends when its parent lets it go. */
async function serve(directory: string): Promise<void> {
  const ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write' });
  const endpoint = await LedgerEndpoint.start({ ledger });
  process.send?.(endpoint.connectionString);
  await once(process, 'disconnect');
  await endpoint.close();
  await ledger.close();
}

interface Round {
  own: StreamAppend[];
  raw: { stream: string; expected: 'no_stream' | bigint; event: ReturnType<typeof jsonEvent> }[];
}

function rounds(): () => Round {
  const random = seededRandom(20260310);
  const streams: { name: string; revision: number }[] = [];
  let made = 0;
  return () => {
    const round: Round = { own: [], raw: [] };
    for (let index = 0; index < EVENTS_A_ROUND; index++) {
      const isNew = streams.length === 0 || random() < 0.1;
      const hex = createHash('sha256').update(`event ${made++}`).digest('hex');
      if (isNew) streams.push({ name: `2${hex.slice(33)}`, revision: -1 });
      const stream = streams[isNew ? streams.length - 1 : Math.floor(random() * streams.length)]!;
      const id = hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5');
      const data = { id, names: { jti: stream.name }, pad: hex.repeat(5).slice(0, 290) };
      const expected = stream.revision < 0 ? ('no_stream' as const) : BigInt(stream.revision);
      stream.revision += 1;
      const event = { id, type: TYPE, data: JSON.stringify(data) };
      round.own.push({ stream: `token-${stream.name}`, events: [event], expected });
      round.raw.push({
        stream: `raw-${stream.name}`,
        expected,
        event: jsonEvent<{ type: string; data: JSONType }>({ id, type: TYPE, data }),
      });
    }
    return round;
  };
}

/** As simply as the client can be used: whoever is next waits for its stream's predecessor and goes. */
async function appendRaw(client: EventStoreDBClient, { raw }: Round): Promise<void> {
  const tails = new Map<string, Promise<unknown>>();
  let next = 0;
  const pump = async (): Promise<void> => {
    for (let each = raw[next++]; each !== undefined; each = raw[next++]) {
      const { stream, expected, event } = each;
      const before = tails.get(stream) ?? Promise.resolve();
      const turn = before.then(() => client.appendToStream(stream, event, { expectedRevision: expected }));
      tails.set(stream, turn);
      await turn;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, pump));
}

async function appendOwn(ledger: EventStoreLedger, { own }: Round): Promise<void> {
  const outcomes = await ledger.appendMany(own);
  if (!outcomes.every((outcome) => outcome.ok && outcome.written)) throw new Error('an append was refused');
}

async function measure(count: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tally-bench-'));
  const server: ChildProcess = fork(fileURLToPath(import.meta.url), ['serve', directory]);
  try {
    const [url] = (await once(server, 'message')) as [string];
    const client = EventStoreDBClient.connectionString(url);
    const ledger = await EventStoreLedger.open({ url, inFlight: IN_FLIGHT });
    const makeRound = rounds();
    const times = { own: [] as number[], raw: [] as number[] };
    for (let index = 0; index <= count; index++) {
      const round = makeRound();
      const measures: [keyof typeof times, () => Promise<void>][] = [
        ['own', () => appendOwn(ledger, round)],
        ['raw', () => appendRaw(client, round)],
      ];
      // Taking turns at going first.
      if (index % 2 === 1) measures.reverse();
      for (const [name, run] of measures) {
        collectGarbage();
        const seconds = await secondsOf(run);
        // Round 0 warms up.
        if (index > 0) times[name].push(seconds);
      }
    }
    await ledger.close();
    await client.dispose();
    const ratio = median(times.own.map((seconds, index) => (times.raw[index] ?? NaN) / seconds));
    console.log(
      `Appends over the wire, ${IN_FLIGHT} under way, ${count} alternating rounds of ${EVENTS_A_ROUND}, medians`,
    );
    console.log(`${rig()}\n`);
    console.log(
      table([
        ['', 'appends/s'],
        ['ledger on the client, appendMany', perSecond(EVENTS_A_ROUND, median(times.own))],
        ['client alone, appendToStream', perSecond(EVENTS_A_ROUND, median(times.raw))],
      ]),
    );
    const verdict = ratio >= TARGET ? 'met' : 'MISSED';
    console.log(`\nratio (median of the rounds' ratios): ${ratio.toFixed(3)}, target ${TARGET}: ${verdict}`);
  } finally {
    server.disconnect();
    await once(server, 'exit');
    rmSync(directory, { recursive: true, force: true });
  }
}
