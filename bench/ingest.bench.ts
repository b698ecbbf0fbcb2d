import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateBenchLines, recordsOfLine } from '#sources';
import { collectGarbage, median, rig, table } from './rig.js';

/**
 * Benchmark (b): `tally ingest` of generated Kong and Keycloak records: until they are durable in the ledger, and until
 * they can be asked of ClickHouse and findings are judged (the end of the command); against the rate at which one core
 * only parses the same lines. `node dist/bench/ingest.bench.js [records] [rounds]`
 */
const records = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 3);

const BIN = fileURLToPath(new URL('../../bin/tally.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'));
const file = join(folder, 'lines.ndjson');
writeLines(file);
console.log(rig());
console.log(`${records} records, ${(statSync(file).size / 1e6).toFixed(0)} MB, ${rounds} rounds\n`);

const rates: number[] = [];
const queryable: number[] = [];
const ceilings: number[] = [];
let peak = 0;
let events = 0;
for (let round = 0; round < rounds; round++) {
  collectGarbage();
  ceilings.push(await parseOnly());
  collectGarbage();
  const run = await ingest(join(folder, `data-${round}`));
  if (run.accepted !== records) throw new Error(`accepted ${run.accepted} of ${records}`);
  rates.push(records / run.seconds);
  queryable.push(records / run.wallSeconds);
  peak = Math.max(peak, run.peakRss);
  events = run.events;
}
const rate = median(rates);
const ceiling = median(ceilings);
console.log(
  table([
    ['figure', 'measured', 'target'],
    ['ingest, durable: records/s', Math.round(rate), '>= 25,000'],
    ['until queryable and judged: records/s', Math.round(median(queryable)), '>= 25,000'],
    ['events a record', (events / records).toFixed(2), '<= 1.3'],
    ['ceiling, JSON.parse of the same lines on one core: records/s', Math.round(ceiling), ''],
    ['ratio', (rate / ceiling).toFixed(3), ''],
    ['peak RSS: MiB', Math.round(peak / 2 ** 20), '< 1,536'],
  ]),
);
rmSync(folder, { recursive: true });

/** The command as a user types it, in a process of its own; its memory is the system's word (Linux). */
async function ingest(
  data: string,
): Promise<{ accepted: number; events: number; seconds: number; wallSeconds: number; peakRss: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, [BIN, 'ingest', file, '--data', data, '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  let peakRss = 0;
  const watch = setInterval(() => {
    const status = `/proc/${child.pid}/status`;
    const high = existsSync(status) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8')) : null;
    if (high !== null) peakRss = Number(high[1]) * 1024;
  }, 200);
  await once(child, 'close');
  clearInterval(watch);
  const wallSeconds = (performance.now() - started) / 1000;
  rmSync(data, { recursive: true });
  type Told = { accepted: number; events: number; seconds: number };
  const { accepted, events: appended, seconds } = JSON.parse(text) as Told;
  return { accepted, events: appended, seconds, wallSeconds, peakRss };
}

function writeLines(path: string): void {
  const fd = openSync(path, 'w');
  let block: string[] = [];
  const flush = (): void => {
    if (block.length > 0) writeSync(fd, `${block.join('\n')}\n`);
    block = [];
  };
  for (const { line } of generateBenchLines({ seed: 1, records })) if (block.push(line) === 5000) flush();
  flush();
  closeSync(fd);
}

async function parseOnly(): Promise<number> {
  const started = performance.now();
  let seen = 0;
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) seen += recordsOfLine(line).length;
  }
  return seen / ((performance.now() - started) / 1000);
}
