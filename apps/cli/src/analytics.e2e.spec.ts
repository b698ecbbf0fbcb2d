import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateBenchLines } from '#sources';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { Sought } from '../../api/src/cases/leaks.js';
import { CASE_FILES, caseBytes, caseRecord, caseSettings, sourceOf } from '../../api/src/cases/product.js';
import { random } from './testing/random.js';
import { runTally, startTally, startUp, type Ran } from './testing/run-tally.js';

let root: string;
let data: string;
const tally = (...args: string[]): Promise<Ran> => runTally(args, { cwd: root, env: { TALLY_DATA: data } });
const jsonOf = ({ stdout }: Ran): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tally-analytics-'));
  data = join(root, 'data');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Every row of every table as text: what is compressed in the files. */
async function everyRow(): Promise<string> {
  const local = await LocalTally.open(data, { access: 'read', purpose: 'test' });
  try {
    const { engine } = await local.stores.analytics.open();
    const tables = await engine.rows<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'`,
      { database: engine.database },
    );
    let out = '';
    for (const { name } of tables) out += await engine.text(`SELECT * FROM {db}.${name}`, 'TabSeparated');
    return out;
  } finally {
    await local.close();
  }
}

describe('ClickHouse beside the ledger of the field cases', () => {
  beforeAll(async () => {
    writeFileSync(join(root, 'settings.json'), JSON.stringify(caseSettings()));
    await tally('settings', 'declare', 'settings.json');
    for (const file of CASE_FILES) {
      writeFileSync(join(root, file), caseBytes(file));
      expect(await tally('ingest', file, '--source', sourceOf(file))).toMatchObject({ code: 0 });
    }
  });

  it('has come to the head after each command, and agrees with it to the row and to every state', async () => {
    expect(jsonOf(await tally('analytics', 'status', '-o', 'json'))).toMatchObject({
      filled: true,
      lagEvents: 0,
      lagSeconds: 0,
      unfinishedBatch: false,
      unfinishedRebuild: false,
      migrations: { pending: [] },
    });
    const checked = await tally('fsck', '-o', 'json');
    const all = { items: [], agree: true, lagEvents: 0, code: 0 };
    expect({ ...jsonOf(checked), code: checked.code }).toMatchObject(all);
    expect(jsonOf(checked)['reached']).toBe(jsonOf(checked)['head']);
  });

  it('is compared from where one says, and from nowhere past its end', async () => {
    for (const from of ['p3', 'position:p3', '3']) {
      const told = await tally('fsck', '--no-states', '--from', from);
      expect(told).toMatchObject({
        code: 0,
        stdout: 'no differences\n',
        stderr: expect.stringMatching(/^compared up to p/),
      });
    }
    const past = await tally('fsck', '--from', '999999');
    expect(past).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/past p\w+ .*where the ledger ends/),
    });
    expect(await tally('fsck', '--from', 'x')).toMatchObject({ code: 2 });
  });

  it('agrees again after it was built again', async () => {
    const built = await tally('analytics', 'rebuild', '-o', 'json');
    expect(jsonOf(built)).toMatchObject({ step: 'done' });
    expect(await tally('fsck')).toMatchObject({ code: 0, stdout: 'no differences\n' });
  });

  it('lies where its owner alone can look, and holds no token, no key and no person', async () => {
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'analytics')).mode & 0o777).toBe(0o700);
    const sought = new Sought().secret('API key', 'FAKE-KEY-11-0123456789abcdef');
    const raw = String(caseRecord('11-raw-token.tyk.ndjson', 1)['api_key']);
    for (const [i, part] of raw.split('.').entries()) sought.secret(`part ${i + 1} of the token`, part);
    for (const text of ['u-701', 'okhttp/4.12', 'partner_7', '192.0.2.80', '192.0.2.60']) sought.text(text, text);
    const rows = await everyRow();
    expect(rows).toContain('token.validated');
    expect(sought.in(rows)).toEqual([]);
  });

  it('tells what differs by its place and its repair, and repairs it', async () => {
    const local = await LocalTally.open(data, { access: 'read', purpose: 'test' });
    const { engine } = await local.stores.analytics.open();
    await engine.command('TRUNCATE TABLE {db}.rollup_minute');
    await local.close();
    const told = await tally('fsck');
    expect(told).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/rollup_minute .* missing .* tally fsck --repair/),
    });
    const repaired = await tally('fsck', '--repair');
    expect(repaired).toMatchObject({ code: 0, stderr: expect.stringMatching(/differences were repaired/) });
    expect(await tally('fsck')).toMatchObject({ code: 0 });
  });

  it('says the same of a running tally, which answers while it builds', async () => {
    const up = await startUp([], { cwd: root, env: { TALLY_DATA: data } });
    try {
      expect(jsonOf(await tally('analytics', 'rebuild', '-o', 'json'))).toMatchObject({ step: 'done' });
      expect(await tally('fsck')).toMatchObject({ code: 0, stdout: 'no differences\n' });
      expect(jsonOf(await tally('analytics', 'status', '-o', 'json'))).toMatchObject({ lagEvents: 0 });
    } finally {
      await up.stop();
    }
  });
});

describe('a ledger that was restored from a backup', () => {
  it('is not answered from a ClickHouse that knows more; in a directory of its own it starts with none', async () => {
    const backup = join(root, 'backup');
    expect(await tally('backup', backup)).toMatchObject({ code: 0 });
    const more = join(root, 'more.log');
    const lines = [...generateBenchLines({ seed: 'more', records: 50, keycloakShare: 0 })].map(({ line }) => line);
    writeFileSync(more, `${lines.join('\n')}\n`);
    expect(await tally('ingest', more)).toMatchObject({ code: 0 });
    const restored = join(root, 'restored');
    const there = (...args: string[]): Promise<Ran> => tally(...args, '--data', restored);
    expect(await there('restore', backup)).toMatchObject({ code: 0 });
    expect(jsonOf(await there('analytics', 'status', '-o', 'json'))).toEqual({ filled: false });
    // The check itself fills it: an empty ClickHouse never agrees.
    expect(jsonOf(await there('fsck', '-o', 'json'))).toMatchObject({ agree: true, lagEvents: 0 });
    const status = jsonOf(await there('analytics', 'status', '-o', 'json'));
    expect(status).toMatchObject({ filled: true, lagEvents: 0, lagSeconds: 0 });
    expect(status['reached']).toBe(status['head']);
    // Put in the old place by hand, beside the tables of what came after it.
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `ledger.sqlite${suffix}`), { force: true });
    cpSync(join(backup, 'ledger.sqlite'), join(data, 'ledger.sqlite'));
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `intake.sqlite${suffix}`), { force: true });
    writeFileSync(more, `${lines.slice(0, 20).join('\n')}\n`);
    const ran = await tally('ingest', more);
    expect(ran).toMatchObject({ code: 1, stdout: expect.stringMatching(/^20 records/) });
    expect(ran.stderr).toMatch(/ledger has everything.*that this ledger does not have there/s);
    expect(ran.stderr).toMatch(/tally analytics rebuild/);
    expect(await tally('fsck')).toMatchObject({ code: 1, stdout: expect.stringMatching(/tally analytics rebuild/) });
    const unreachable = { cwd: root, env: { TALLY_DATA: data, TALLY_CLICKHOUSE: 'http://127.0.0.1:1' } };
    const { stderr } = await runTally(['analytics', 'status'], unreachable);
    // One error with its remedy; not the client's own log beside it.
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(await tally('analytics', 'rebuild')).toMatchObject({ code: 0 });
    expect(await tally('fsck')).toMatchObject({ code: 0 });
  });
});

describe('kill -9 of a rebuild', () => {
  it('leaves tables that answer, and a rebuild that goes on', async () => {
    const next = random(11);
    let took = 2500;
    for (let round = 0; round < 6; round++) {
      const child = startTally(['analytics', 'rebuild'], { cwd: root, env: { TALLY_DATA: data } });
      const closed = once(child, 'close') as Promise<[number | null]>;
      setTimeout(() => child.kill('SIGKILL'), took * next());
      const [code] = await closed;
      took *= code === null ? 1.2 : 0.7;
      expect(await tally('fsck', '--no-states')).toMatchObject({ code: 0 });
    }
    expect(await tally('analytics', 'rebuild')).toMatchObject({ code: 0 });
    expect(await tally('fsck')).toMatchObject({ code: 0 });
    expect(jsonOf(await tally('analytics', 'status', '-o', 'json'))).toMatchObject({ unfinishedRebuild: false });
  });
});
