import { describe, expect, it } from '@jest/globals';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History, type Finding } from '#lifecycle';
import { LedgerHistory } from '#ledger';
import { LocalTally } from '../tally/local-tally.js';
import { CASE_FILES, caseLines, caseSettings, Product, type JsonLine, type Row } from './product.js';

const NOW = Date.parse('2026-03-11T00:00:00.000Z');

/** The product with a clock that can be set, its findings both ways. */
class Tally {
  now = NOW;

  private constructor(readonly tally: LocalTally) {}

  static async with(check: (tally: Tally) => Promise<void>): Promise<void> {
    const product = await Product.open();
    const directory = mkdtempSync(join(tmpdir(), 'tally-stored-'));
    let made: Tally | undefined;
    try {
      cpSync(product.directory, directory, { recursive: true });
      await product.close();
      const clock = (): number => made?.now ?? NOW;
      const tally = await LocalTally.open(directory, { access: 'write', purpose: 'stored findings spec', clock });
      made = new Tally(tally);
      await check(made);
      await tally.close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async ingest(lines: readonly (string | JsonLine)[], finished = false): Promise<void> {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text);
    }
    await this.tally.ingest(input(), { tenant: 'default', source: 'auto', what: 'case', finished });
  }

  async rows(question: 'findings' | 'export' | 'state', params: Row = {}): Promise<{ rows: Row[]; end: Row }> {
    const answer = await this.tally.ask(question, params);
    if (answer.kind !== 'rows') throw new TypeError('rows were asked for');
    const rows: Row[] = [];
    for await (const row of answer.rows) rows.push(row);
    return { rows, end: answer.end?.() ?? {} };
  }

  /** The answer of the product; it must be from what was stored. */
  async stored(): Promise<Row[]> {
    const { rows, end } = await this.rows('findings');
    expect(end['judged']).toMatchObject({ from: 'stored' });
    return rows;
  }

  /** What the whole history gives, as an answer shows it. */
  async whole(): Promise<Row[]> {
    const { scan, ledger } = this.tally.stores;
    const history = new History(new LedgerHistory(scan, 'default', await ledger.head()));
    const rows = history
      .findings({ T: this.now })
      .map((finding: Finding) => ({ ...finding, family: finding.family ?? null, gateway: finding.gateway ?? null }));
    return JSON.parse(JSON.stringify(rows)) as Row[];
  }

  /** What was said of findings so far: id, what, and the finding. */
  async said(): Promise<{ id: unknown; type: string; finding: Row; reason?: string; by?: string }[]> {
    const { rows } = await this.rows('export');
    return rows
      .filter(({ type }) => String(type).startsWith('tallystick.finding.'))
      .map(({ subject, type, stream, data }) => {
        expect(stream).toBe(`finding-${String(subject)}`);
        return { id: subject, type: String(type).split('.')[2]!, ...(data as { finding: Row }) };
      });
  }
}

describe.each(CASE_FILES)('%s, line by line', (file) => {
  it('is judged as it comes, as the whole history would be', () =>
    Tally.with(async (tally) => {
      for (const line of caseLines(file)) {
        await tally.ingest([line]);
        expect(await tally.stored()).toEqual(await tally.whole());
      }
      await tally.ingest([], true);
      await tally.ingest(caseLines(file), true);
      expect(await tally.stored()).toEqual(await tally.whole());
    }));
});

describe('findings of all cases in one ledger', () => {
  it('are stored as computed, and change nothing that facts say', () =>
    Tally.with(async (tally) => {
      const without = await Product.open();
      for (const file of CASE_FILES) {
        await tally.ingest(caseLines(file), true);
        await tally.stored();
        await without.ingest(caseLines(file));
      }
      const found = await tally.stored();
      expect(found).toEqual(await tally.whole());
      expect(found.length).toBeGreaterThan(15);
      const { end } = await tally.rows('state', { asOf: 'time:2026-03-10T12:00:00Z' });
      expect((await without.state('time:2026-03-10T12:00:00Z')).digest).toBe(end['digest']);
      await without.close();
    }));

  it('say nothing again that they said', () =>
    Tally.with(async (tally) => {
      for (const file of CASE_FILES) await tally.ingest(caseLines(file), true);
      await tally.stored();
      const said = await tally.said();
      tally.now += 86_400_000;
      for (const file of CASE_FILES) await tally.ingest(caseLines(file), true);
      expect(await tally.stored()).toEqual(await tally.whole());
      expect(await tally.said()).toEqual(said);
    }));
});

describe('a finding in time', () => {
  it('is provisional, then final: raised, then amended', () =>
    Tally.with(async (tally) => {
      const lines = caseLines('01-refresh-race.keycloak.ndjson');
      for (const line of lines) {
        await tally.ingest([line]);
        await tally.stored();
      }
      await tally.ingest(lines, true);
      const final = (await tally.stored()).find(({ rule }) => rule === 'D1')!;
      expect(final['provisional']).toBe(false);
      const events = (await tally.said()).filter(({ id }) => id === final['id']);
      expect(events[0]).toMatchObject({ type: 'raised', finding: { provisional: true } });
      expect(events.at(-1)).toMatchObject({ type: 'amended', finding: { provisional: false } });
      expect(events.slice(1).every(({ type }) => type === 'amended')).toBe(true);
    }));

  it('is withdrawn when the settings say otherwise, and names that', () =>
    Tally.with(async (tally) => {
      await tally.ingest(caseLines('03-clock-skew.envoy.ndjson'), true);
      const skew = (await tally.stored()).find(({ rule }) => rule === 'clock-skew')!;
      const settings = caseSettings();
      settings.sources['envoy'] = { ...settings.sources['envoy']!, clockError: 600_000 };
      await tally.tally.ask('settings.declare', { settings });
      expect(await tally.stored()).toEqual(await tally.whole());
      expect((await tally.stored()).map(({ id }) => id)).not.toContain(skew['id']);
      const events = (await tally.said()).filter(({ id }) => id === skew['id']);
      expect(events.map(({ type }) => type)).toEqual(['raised', 'withdrawn']);
      expect(events[1]).toMatchObject({ reason: 'settings changed', finding: { id: skew['id'] } });
    }));
});
