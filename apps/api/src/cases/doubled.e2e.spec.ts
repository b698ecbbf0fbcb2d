import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnalyticsWriter } from '#analytics';
import { LocalTally } from '../tally/local-tally.js';
import type { Params, QuestionName } from '../tally/questions.js';
import { CASE_FILES, after, caseBytes, caseSettings, sourceOf, type Row } from './product.js';

const NOW = after(2 * 3600);
let directory: string;
let tally: LocalTally;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-doubled-'));
  const clock = (): number => Date.parse('2026-03-11T00:00:00.000Z');
  tally = await LocalTally.open(directory, { access: 'write', purpose: 'test', clock });
  await tally.ask('settings.declare', { settings: caseSettings() });
  for (const file of CASE_FILES) {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield caseBytes(file);
    }
    await tally.ingest(input(), { tenant: 'default', source: sourceOf(file), what: file, finished: true });
    await tally.settle();
  }
});
afterAll(async () => {
  await tally.close();
  rmSync(directory, { recursive: true, force: true });
});

async function rowsOf<Q extends QuestionName>(question: Q, params: Params<Q>): Promise<Row[] | string> {
  try {
    const answer = await tally.ask(question, params);
    if (answer.kind !== 'rows') return [answer.value as Row];
    const out: Row[] = [];
    for await (const row of answer.rows) out.push(row);
    return out;
  } catch (error) {
    return String(error);
  }
}

/** Every named query with what it answers, and the states of all tokens. */
async function everyAnswer(): Promise<Map<string, Row[] | string>> {
  const out = new Map<string, Row[] | string>();
  const now = NOW.replace(/^time:/, '');
  for (const { name } of (await rowsOf('query.list', {})) as { name: string }[])
    out.set(name, await rowsOf('query.run', { name, params: JSON.stringify({ now }) }));
  out.set('state', await rowsOf('state', { asOf: NOW }));
  return out;
}

describe('batches that are there twice, their tokens forgotten and nothing merged yet', () => {
  it('change no answer: rows that mean the same count once', async () => {
    const before = await everyAnswer();
    const { engine, journal } = await tally.stores.analytics.open();
    await engine.command('SYSTEM STOP MERGES');
    const writer = new AnalyticsWriter(engine, tally.stores.scan, journal, tally.stores.clock);
    const batches = await engine.rows<{ start: number; end: number }>('SELECT start, end FROM {db}.batches FINAL');
    for (const bounds of batches) await writer.rewrite(bounds);
    const [stored] = await engine.rows<{ rows: number; facts: number }>(
      'SELECT (SELECT count() FROM {db}.facts) AS rows, (SELECT count() FROM {db}.facts FINAL) AS facts',
    );
    expect(stored).toEqual({ rows: 2 * stored!.facts, facts: stored!.facts });
    const doubled = await everyAnswer();
    for (const [name, rows] of before) expect({ name, rows: doubled.get(name) }).toEqual({ name, rows });
    const answered = [...before.values()].filter((rows) => typeof rows !== 'string' && rows.length > 0);
    expect(answered.length).toBeGreaterThan(8);
  });
});
