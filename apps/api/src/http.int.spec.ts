import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { createLog, DiskFull } from '#platform';
import { startApi, type RunningApi } from './start-api.js';
import { NotFound } from './tally/errors.js';
import type { Answer, IngestAnswer, IngestOptions, Tally } from './tally/questions.js';

const BEARER = 'tally_secret-of-this-test';
const NDJSON = 'application/x-ndjson';
const auth = { authorization: `Bearer ${BEARER}` };

/** Answers what a test says; takes input line by line, each line a durable batch. */
class ScriptedTally implements Tally {
  asked: [string, unknown][] = [];
  answer: () => Answer = () => ({ kind: 'value', value: {} });
  taken: string[] = [];
  options: IngestOptions | undefined;
  failure: unknown;
  /** Holds every input back until it resolves. */
  gate: Promise<void> = Promise.resolve();

  async ask(question: string, params: unknown): Promise<Answer> {
    this.asked.push([question, params]);
    return this.answer();
  }
  async ingest(
    input: AsyncIterable<Uint8Array>,
    options: IngestOptions,
    onProgress?: (report: IngestAnswer) => void,
  ): Promise<IngestAnswer> {
    this.options = options;
    await this.gate;
    let rest = '';
    const report = (): IngestAnswer => {
      const records = this.taken.length;
      const counts = { records, accepted: records, duplicates: 0, conflicts: 0, rejected: 0, ignored: 0 };
      return { ...counts, events: records, seconds: 0, rejections: [], sources: [] };
    };
    for await (const chunk of input) {
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.trim() === '') continue;
        this.taken.push(line);
        onProgress?.(report());
      }
      if (this.failure !== undefined) throw this.failure;
    }
    if (rest !== '') this.taken.push(rest);
    onProgress?.(report());
    return report();
  }
  async close(): Promise<void> {}
}

let tally: ScriptedTally;
let api: RunningApi;
let logged: string[];
let writable: () => void;
beforeEach(async () => {
  tally = new ScriptedTally();
  logged = [];
  writable = () => undefined;
  api = await startApi({
    tally,
    vitals: { head: async () => 42n, deadLetters: () => 3, checkWritable: async () => writable() },
    bearer: BEARER,
    log: createLog({ write: (line) => logged.push(line) }),
    inputs: { atOnce: 1, waiting: 1, idleMs: 20 },
  });
});
afterEach(() => api.close(100));

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(api.url + path, { headers: { ...auth, ...headers } });
const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(api.url + path, { method: 'POST', body, headers: { ...auth, ...headers } });
const errorOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: Record<string, unknown> }).error,
];

describe('who may ask', () => {
  it('is who presents the bearer; others are told how, and nothing is asked or taken in', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${BEARER}`, `Bearer ${BEARER}x`]) {
      const headers: Record<string, string> = authorization === '' ? {} : { authorization };
      for (const [path, method] of [
        ['/v1/status', 'GET'],
        ['/v1/events', 'POST'],
        ['/metrics', 'GET'],
      ] as const) {
        const response = await fetch(api.url + path, {
          method,
          headers,
          ...(method === 'POST' && { body: '{"a":1}\n' }),
        });
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(await errorOf(response)).toEqual([401, expect.objectContaining({ code: 'TALLY_UNAUTHORISED' })]);
      }
    }
    expect([tally.asked, tally.taken]).toEqual([[], []]);
  });

  it('health needs none', async () => {
    expect(await (await fetch(`${api.url}/healthz`)).json()).toEqual({ status: 'live' });
    expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
    writable = () => {
      throw new DiskFull('/data/ledger.sqlite');
    };
    const full = await fetch(`${api.url}/readyz`);
    expect([full.status, await full.json()]).toEqual([503, { status: 'not ready', code: 'TALLY_DISK_FULL' }]);
  });
});

describe('a question', () => {
  it('is answered with its value; a verdict is also a header', async () => {
    tally.answer = () => ({ kind: 'value', value: { verdict: 'hold' }, verdict: 'hold' });
    const response = await post('/v1/rollbacks/plan', JSON.stringify({ component: 'g', from: 'b', to: 'a' }));
    expect(response.headers.get('tally-verdict')).toBe('hold');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ verdict: 'hold' });
    expect(tally.asked).toEqual([['rollback.plan', { tenant: 'default', component: 'g', from: 'b', to: 'a' }]]);
  });

  it('that is wrong is answered 400 with field and reason', async () => {
    expect(await errorOf(await get('/v1/state?interval=x'))).toEqual([
      400,
      expect.objectContaining({ code: 'TALLY_WRONG_USE', field: 'interval', reason: expect.any(String) }),
    ]);
    expect(await errorOf(await post('/v1/rollbacks/plan', '{"component":"g"}'))).toMatchObject([
      400,
      { field: 'from' },
    ]);
    for (const body of ['{"component"', '[1]', '"x"'])
      expect(await errorOf(await post('/v1/rollbacks/plan', body))).toMatchObject([400, { field: 'body' }]);
    expect(await errorOf(await post('/v1/settings', 'x'.repeat(5_000_000)))).toMatchObject([413, {}]);
    expect(tally.asked).toEqual([]);
  });

  it('that fails is answered by the cause, and without the insides of what is not ours', async () => {
    const failing = async (error: unknown): Promise<unknown> => {
      tally.answer = () => {
        throw error;
      };
      return errorOf(await get('/v1/status'));
    };
    expect(await failing(new NotFound('token x', 'look'))).toMatchObject([
      404,
      { code: 'TALLY_NOT_FOUND', remedy: 'look' },
    ]);
    expect(await failing(new DiskFull('/d/ledger'))).toMatchObject([507, { retry: true }]);
    expect(logged).toEqual([]);
    const [status, told] = (await failing(new TypeError('secret insides'))) as [number, object];
    expect(status).toBe(500);
    expect(JSON.stringify(told)).not.toContain('insides');
    expect(logged.join('')).toContain('insides');
    const lost = await errorOf(await get('/v1/nothing/Opq5f0a2c'));
    expect(lost).toMatchObject([404, { code: 'TALLY_NO_SUCH_PATH' }]);
    expect(JSON.stringify(lost)).not.toContain('Opq');
  });
});

describe('rows', () => {
  const all = Array.from({ length: 7 }, (_, i) => ({ n: i + 1 }));
  let given = 0;
  const answerRows = (): void => {
    given = 0;
    tally.answer = () => {
      const { after, asOf } = tally.asked.at(-1)?.[1] as { after?: string; asOf?: string };
      return {
        kind: 'rows',
        rows: (function* () {
          for (const row of all.slice(Number(after ?? 0))) {
            given++;
            yield row;
          }
        })(),
        keyOf: (row) => String(row['n']),
        pinned: { asOf: asOf ?? 'time:T', asKnownAt: 'position:p1' },
        end: () => ({ count: all.length }),
      };
    };
  };
  beforeEach(answerRows);

  it('come in pages whose cursor pins T and K; the last one tells the end', async () => {
    const pages: unknown[] = [];
    let path = '/v1/state?limit=3&component=g';
    for (let next: string | null = ''; next !== null;) {
      const page = (await (await get(path)).json()) as { items: { n: number }[]; next: string | null; end?: unknown };
      pages.push({ items: page.items.map(({ n }) => n), end: page.end });
      next = page.next;
      path = `/v1/state?limit=3&cursor=${next}`;
    }
    expect(pages).toEqual([{ items: [1, 2, 3] }, { items: [4, 5, 6] }, { items: [7], end: { count: 7 } }]);
    expect(tally.asked[2]?.[1]).toMatchObject({ component: 'g', asOf: 'time:T', asKnownAt: 'position:p1', after: '6' });
  });

  it('are not computed beyond the page', async () => {
    await get('/v1/state?limit=2');
    expect(given).toBe(3);
  });

  it('stream as NDJSON, with the end or the error in the last line', async () => {
    const lines = async (): Promise<unknown[]> =>
      (await (await get('/v1/state', { accept: NDJSON })).text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    expect(await lines()).toEqual([...all, { end: { count: 7 } }]);
    tally.answer = () => ({
      kind: 'rows',
      rows: (function* () {
        yield { n: 1 };
        throw new TypeError('insides');
      })(),
      keyOf: () => '',
      pinned: {},
    });
    expect(await lines()).toEqual([{ n: 1 }, { error: expect.objectContaining({ code: 'TALLY_INTERNAL' }) }]);
  });
});

describe('records', () => {
  it('are taken from NDJSON, arrays and batches, plain and gzip, as the query says', async () => {
    const lines = '{"a":1}\n{"a":2}\n';
    const answer = await post('/v1/events?source=kong&finished=true', lines, { 'content-type': NDJSON });
    expect(await answer.json()).toMatchObject({ records: 2, accepted: 2, rejections: [] });
    expect(tally.options).toMatchObject({ tenant: 'default', source: 'kong', finished: true });
    await post('/v1/events', '[{"b":1},\n{"b":2}]', { 'content-type': 'application/cloudevents-batch+json' });
    await post('/v1/events', gzipSync('[{"c":1}]'), { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    expect(tally.taken).toEqual(['{"a":1}', '{"a":2}', '{"b":1}', '{"b":2}', '{"c":1}']);
    expect(tally.options).toMatchObject({ source: 'auto', finished: false });
    expect(await errorOf(await post('/v1/events', 'x', { 'content-encoding': 'br' }))).toMatchObject([415, {}]);
    expect(await errorOf(await post('/v1/events?sauce=kong', 'x'))).toMatchObject([400, { field: 'sauce' }]);
    expect(await errorOf(await post('/v1/events?finished=yes', 'x'))).toMatchObject([400, { field: 'finished' }]);
  });

  it('are told of as they become durable, if asked for', async () => {
    const response = await post('/v1/events', '{"a":1}\n{"a":2}\n', { accept: NDJSON });
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.at(0)).toMatchObject({ progress: { records: 1 } });
    expect(lines.at(-1)).toMatchObject({ end: { records: 2, rejections: [] } });
    tally.failure = new DiskFull('/d/ledger');
    const failed = (await (await post('/v1/events', '{"a":3}\n', { accept: NDJSON })).text()).trimEnd().split('\n');
    expect(JSON.parse(failed.at(-1)!)).toMatchObject({ error: { code: 'TALLY_DISK_FULL' } });
    expect((await post('/v1/events', '{"a":4}\n')).status).toBe(507);
  });

  it('wait their turn, and beyond that are turned away with Retry-After', async () => {
    let open = (): void => undefined;
    tally.gate = new Promise((resolve) => (open = resolve));
    const [first, second] = [post('/v1/events', '{"a":1}\n'), post('/v1/events', '{"a":2}\n')];
    // The third finds one inside and one waiting, whichever those two are.
    let third = await post('/v1/events', '{"a":3}\n{"a":4}\n');
    while (third.status !== 429) third = await post('/v1/events', '{"a":3}\n');
    expect(third.headers.get('retry-after')).toBe('1');
    expect(await errorOf(third)).toMatchObject([429, { code: 'TALLY_TOO_BUSY' }]);
    open();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect(tally.taken.sort()).toEqual(['{"a":1}', '{"a":2}']);
  });

  it('give their place up if their sender is silent while another waits', async () => {
    const silent = request(`${api.url}/v1/events`, { method: 'POST', headers: auth });
    silent.write('{"a":1}\n');
    while (tally.taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [next, [response]] = await Promise.all([
      post('/v1/events', '{"a":2}\n'),
      once(silent, 'response') as Promise<[IncomingMessage]>,
    ]);
    expect([next.status, response.statusCode]).toEqual([200, 408]);
    expect(tally.taken).toEqual(['{"a":1}', '{"a":2}']);
    silent.destroy();
  });

  it('of a client that breaks off stay as far as they were acknowledged', async () => {
    const sending = request(`${api.url}/v1/events`, { method: 'POST', headers: { ...auth, accept: NDJSON } });
    sending.on('error', () => undefined);
    sending.write('{"a":1}\n{"a":2}\n{"cut');
    const [response] = (await once(sending, 'response')) as [NodeJS.ReadableStream];
    response.on('error', () => undefined);
    const [progress] = (await once(response, 'data')) as [Buffer];
    expect(String(progress)).toMatch(/^\{"progress":\{"records":1,/);
    sending.destroy();
    await api.close(100);
    expect(tally.taken).toEqual(['{"a":1}', '{"a":2}']);
  });
});

describe('metrics', () => {
  it('count what went in, and name no source, token or person', async () => {
    await post('/v1/events?source=secret-source', '{"a":1}\n{"a":2}\n');
    await get('/v1/tokens?jti=secret-jti&issuer=secret-issuer');
    const response = await get('/metrics');
    const text = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toContain('tally_records_total{outcome="accepted"} 2\n');
    expect(text).toContain('tally_records_total{outcome="rejected"} 0\n');
    expect(text).toContain('tally_events_total 2\n');
    expect(text).toContain('tally_ledger_head 42\n');
    expect(text).toContain('tally_dead_letters 3\n');
    expect(text).toMatch(/tally_batch_seconds_count [1-9]/);
    expect(text).not.toContain('secret');
  });
});
