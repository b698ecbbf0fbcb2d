import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLog } from '#platform';
import { startApi, type RunningApi } from '../../api/src/start-api.js';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { vitalsOf } from '../../api/src/vitals.js';
import { RemoteTally } from './remote/remote-tally.js';
import { runHere } from './testing/run-here.js';
import type { Ran } from './testing/run-tally.js';

const CASE = fileURLToPath(new URL('../../../libs/sources/cases/04-kid-rotation.tyk.ndjson', import.meta.url));
const NOW = 'now=2026-03-10T12:00:00Z';
const BEARER = 'tally_secret-of-this-test';

let folder: string;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-query-'));
  data = join(folder, '.tally');
  expect(await tally('ingest', CASE)).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tally = (...args: string[]): Promise<Ran> => runHere(args, { data });

describe('tally query', () => {
  it('lists the queries with their parameters', async () => {
    const { stdout } = await tally('query', 'list', '-o', 'json');
    const list = JSON.parse(stdout) as { name: string; params: { name: string }[] }[];
    expect(list.length).toBeGreaterThanOrEqual(15);
    expect(list.find(({ name }) => name === 'use')!.params.map(({ name }) => name)).toContain('step');
  });

  it('answers in every format, and says how far ClickHouse has come', async () => {
    const json = await tally('query', 'incidents', '--param', NOW, '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      items: [{ version: 'v42', tokens: 6, requests: 7 }],
      ...{ query: 'incidents', rows: 1, now: '2026-03-10T12:00:00.000Z', lagEvents: 0, lagSeconds: 0 },
      reached: expect.stringMatching(/^p[0-9a-z]+$/),
    });
    expect(json.stderr).toMatch(/^1 row; ClickHouse has reached p\w+, all of the ledger\n$/);
    const csv = await tally('query', 'incidents', '--param', NOW, '-o', 'csv');
    expect(csv.stdout).toMatch(/^component,version,scope,.*\r\ngateway,v42,all,/);
    const tsv = await tally('query', 'incidents', '--param', NOW, '-o', 'tsv');
    expect(tsv.stdout.split('\n')[1]).toMatch(/^gateway\tv42\tall\t/);
    const table = await tally('query', 'never-expiring', '--param', NOW);
    expect(table.stdout).toBe('no rows\n');
  });

  it.each<[string[], number, RegExp]>([
    [['query', 'incidnts'], 8, /incidents/],
    [['query', 'use', '--param', 'step=week'], 2, /step is one of minute, hour, day/],
    [['query', 'use', '--param', 'stp=week'], 2, /Did you mean step/],
    [['query', 'use', '--param', 'step'], 2, /name=value/],
    [['query', 'use', '--tenant', 'acme'], 8, /acme/],
    [['sql', 'DROP TABLE facts'], 2, /only SELECT/],
    [['sql', "SELECT * FROM file('/etc/passwd', LineAsString)"], 2, /file/],
    [['sql', 'SELECT nothing FROM facts'], 1, /nothing/],
  ])('%j ends with %i', async (args, code, told) => {
    const ran = await tally(...args);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(told) });
  });
});

describe('over HTTP', () => {
  let local: LocalTally;
  let api: RunningApi;
  beforeAll(async () => {
    local = await LocalTally.open(data, { access: 'read', purpose: 'query spec' });
    const log = createLog({ write: () => undefined });
    api = await startApi({
      tally: local,
      vitals: vitalsOf(local),
      bearer: BEARER,
      log,
      port: 0,
      host: '127.0.0.1',
    });
  });
  afterAll(async () => {
    await api.close();
    await local.close();
  });
  const get = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await fetch(`${api.url}${path}`, { ...init, headers: { authorization: `Bearer ${BEARER}` } });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const sql = (text: string): ReturnType<typeof get> =>
    get('/v1/sql', { method: 'POST', body: JSON.stringify({ sql: text }) });

  it('asks for the bearer', async () => {
    for (const path of ['/v1/queries', '/v1/queries/use', '/v1/queries/run?name=use'])
      expect((await fetch(`${api.url}${path}`)).status).toBe(401);
    expect((await fetch(`${api.url}/v1/sql`, { method: 'POST', body: '{"sql":"SELECT 1"}' })).status).toBe(401);
  });

  it('gives a query at its name, page by page, with relative times pinned', async () => {
    const first = await get('/v1/queries/use?now=2026-03-10T12:00:00Z&step=minute&by=version&limit=1');
    expect(first).toMatchObject({ status: 200, body: { items: [{ series: 'v41' }], next: expect.any(String) } });
    const next = await get(`/v1/queries/use?cursor=${String(first.body['next'])}`);
    expect(next.status).toBe(200);
    expect((next.body['items'] as unknown[]).length).toBeGreaterThan(1);
    expect(next.body['end']).toMatchObject({ query: 'use', now: '2026-03-10T12:00:00.000Z', lagEvents: 0 });
  });

  it('runs statements, and names what is wrong', async () => {
    expect(await sql("SELECT count() AS n FROM facts WHERE outcome = 'refused'")).toMatchObject({
      status: 200,
      body: { items: [{ n: 7 }], end: { rows: 1 } },
    });
    expect(await sql("SELECT * FROM url('http://127.0.0.1/')")).toMatchObject({
      status: 400,
      body: { error: { code: 'TALLY_SQL_REFUSED', field: 'sql' } },
    });
    expect(await get('/v1/queries/incidnts')).toMatchObject({
      status: 404,
      body: { error: { code: 'TALLY_UNKNOWN_QUERY' } },
    });
    expect(await get('/v1/queries/use?step=week')).toMatchObject({
      status: 400,
      body: { error: { code: 'TALLY_BAD_PARAMETER', field: 'step' } },
    });
  });

  it('answers a command as the directory itself does', async () => {
    const remote = new RemoteTally({ url: api.url, token: BEARER, pid: process.pid });
    const params = { name: 'rejections', params: JSON.stringify({ now: '2026-03-10T12:00:00Z' }) };
    const answers: unknown[] = [];
    for (const each of [remote, local]) {
      const answer = await each.ask('query.run', params);
      if (answer.kind !== 'rows') throw new Error('no rows');
      const rows: unknown[] = [];
      for await (const row of answer.rows) rows.push(row);
      answers.push({ rows, end: answer.end?.() });
    }
    await remote.close();
    expect(answers[0]).toEqual(answers[1]);
  });
});
