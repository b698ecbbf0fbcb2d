import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { IngestAnswer } from '../tally/questions.js';
import { Sought } from './leaks.js';
import { after, caseBytes, caseLines, caseRecord, Product, sha256, sourceOf, sumsUp, type Row } from './product.js';

const APISIX = '11-raw-token.apisix.ndjson';
const TYK = '11-raw-token.tyk.ndjson';
const FILES = [APISIX, TYK];
const TOKEN = String(caseRecord(TYK, 1)['api_key']);
const KEY = 'FAKE-KEY-11-0123456789abcdef';
const end = after(60);

const SOUGHT = new Sought().secret('API key', KEY);
for (const [i, part] of TOKEN.split('.').entries()) SOUGHT.secret(`part ${i + 1} of the token`, part);
for (const text of ['NOT-A-SIGN', 't-11-1', 'u-701', 'pay-api', 'login.example.com']) SOUGHT.text(text, text);
for (const text of ['192.0.2.80', '192.0.2.60', 'okhttp/4.12', 'partner_7', 'sid=abc']) SOUGHT.text(text, text);
// A plain digest of a weak key is as good as the key (MODEL §1.1).
for (const algorithm of ['sha256', 'sha1', 'md5']) {
  const digest = createHash(algorithm).update(KEY).digest();
  SOUGHT.text(`${algorithm} of the key`, digest.toString('hex')).text(`${algorithm} of the key`, digest.toString('base64'));
}

it('would find what it looks for', () => {
  for (const file of FILES) expect(SOUGHT.in(caseBytes(file))).toContain('part 2 of the token');
  expect(SOUGHT.in(Buffer.from(`x${KEY}`).toString('base64'))).toContain('API key');
  expect(SOUGHT.in(Buffer.from(`GET /?token=${TOKEN}`).toString('base64url'))).toContain('part 2 of the token');
  expect(SOUGHT.in(caseLines(APISIX)[0]!.slice(40, 120))).toContain('part 1 of the token');
});

describe.each([
  ['auto', FILES],
  ['auto', [...FILES].reverse()],
  ['named', FILES],
  ['gzip', FILES],
])('case 11, the raw token is in the log (%s, %j)', (how, files) => {
  async function withLeaks(check: (product: Product, reports: IngestAnswer[]) => Promise<void>): Promise<void> {
    const product = await Product.open();
    try {
      const reports: IngestAnswer[] = [];
      for (const file of files) {
        const bytes = caseBytes(file);
        reports.push(await product.ingest(how === 'gzip' ? gzipSync(bytes) : bytes, how === 'named' ? sourceOf(file) : 'auto'));
      }
      await check(product, reports);
    } finally {
      await product.close();
    }
  }

  it('writes and answers no byte of it, nor of persons', () =>
    withLeaks(async (product, reports) => {
      expect(SOUGHT.inFiles(product)).toEqual([]);
      expect(await SOUGHT.inAnswers(product, reports, end)).toEqual([]);
      await product.restart();
      expect(SOUGHT.inFiles(product)).toEqual([]);
    }));

  it('knows one token by the keyed name of its hash, and believes none of its claims', () =>
    withLeaks(async (product) => {
      const { rows } = await product.state(end);
      expect(rows).toHaveLength(1);
      const token = await product.token({ sha256: sha256(TOKEN) }, end);
      expect(token).toMatchObject({ name: rows[0]!['name'], jti: null, issuer: null, subject: null, audiences: null });
      expect(token.names).toEqual([token.name]);
      expect(token.expiry.kind).toBe('unknown');
      const facts = (await product.history(token.name, end)).map((fact) => fact['source']);
      expect(facts.sort()).toEqual(['apisix', 'apisix', 'tyk']);
      await expect(product.token({ jti: 't-11-1', issuer: 'https://login.example.com/' }, end)).rejects.toThrow();
    }));

  it('takes the key beside Authorization for no credential of the request', () =>
    withLeaks(async (product) => {
      await expect(product.token({ sha256: sha256(KEY) }, end)).rejects.toThrow();
      const names = (await product.export()).map((event) => (event['data'] as Row)['names'] as Row);
      expect(names.every((each) => each['cred'] === undefined)).toBe(true);
    }));

  it('counts all four lines, and quarantines the cut one without free text', () =>
    withLeaks(async (product, reports) => {
      expect(reports.every(sumsUp)).toBe(true);
      expect(reports.reduce((sum, report) => sum + report.records, 0)).toBe(4);
      expect(reports.reduce((sum, report) => sum + report.accepted, 0)).toBe(3);
      const [rejection] = reports.flatMap((report) => report.rejections);
      expect(rejection).toMatchObject({ line: 3, field: '(line)', reason: 'is not JSON' });
      const { rows } = await product.rows('deadletters.list', {});
      expect(rows).toMatchObject([{ id: rejection!.deadLetter, redrivable: false, length: Buffer.byteLength(caseLines(APISIX)[2]!) }]);
      // The digest is keyed: nobody can try lines against it.
      expect(rejection!.deadLetter).not.toBe(sha256(caseLines(APISIX)[2]!).slice(0, 32));
      const letter = await product.value<Row>('deadletters.show', { id: rejection!.deadLetter, personal: true });
      expect(letter['keys']).toEqual(expect.arrayContaining(['request', 'url', 'uri']));
      expect(letter['record']).toBeNull();
    }));

  it('names source and field of each raw credential, the key’s too', () =>
    withLeaks(async (product) => {
      const findings = await product.findings(end);
      expect(new Set(findings.map((finding) => finding.kind))).toEqual(new Set(['source sends raw credentials']));
      const places = findings.map(({ evidence }) => `${String(evidence['source'])} ${String(evidence['field'])}`).sort();
      expect(places).toEqual([
        'apisix request.headers.authorization',
        'apisix request.headers.cookie',
        'apisix request.headers.x-api-key',
        'apisix request.headers.x-forwarded-access-token',
        'apisix request.querystring.access_token',
        'apisix request.uri',
        'apisix request.url',
        'apisix response.headers.set-cookie',
        'tyk api_key',
        'tyk raw_request',
      ]);
    }));
});

describe('case 11, lines cut elsewhere', () => {
  const [line] = caseLines(APISIX) as [string];

  it('leaks nothing wherever the line is cut, and counts each', async () => {
    const product = await Product.open();
    try {
      const cuts: string[] = [];
      for (let at = 5; at < line.length; at += 61) cuts.push(line.slice(0, at));
      // Also without its beginning: what a rotated file starts with.
      for (let at = 40; at < line.length; at += 97) cuts.push(line.slice(at));
      const report = await product.ingest(cuts);
      expect(sumsUp(report)).toBe(true);
      expect(report).toMatchObject({ records: cuts.length, rejected: cuts.length });
      expect(SOUGHT.inFiles(product)).toEqual([]);
      expect(await SOUGHT.inAnswers(product, [report], end)).toEqual([]);
    } finally {
      await product.close();
    }
  });

  it.each<[string, string | Uint8Array]>([
    ['two objects on a line, the second cut', `${caseLines(TYK)[0]!}${line.slice(0, 700)}`],
    ['a line that is not UTF-8', Buffer.concat([Buffer.from(line.slice(0, 400)), Buffer.of(0xff, 0xfe), Buffer.from(line.slice(400))])],
    ['a line over 1 MiB', `{"request":"${TOKEN.repeat(4000)}"}`],
    ['an array with something else in it', `["${TOKEN}", ${line}]`],
    ['plain text', `Authorization: Bearer ${TOKEN}`],
    ['a JSON string', JSON.stringify(`Bearer ${TOKEN}`)],
    ['an unknown format', JSON.stringify({ [TOKEN]: 1, note: `Bearer ${TOKEN}`, deep: { 'x-api-key': KEY } })],
    ['a time that is the token', line.replace('"start_time": 1773133200000', `"start_time": "${TOKEN}"`)],
    ['a time without a zone', line.replace('"start_time": 1773133200000', '"start_time": "2026-03-10T09:00:00"')],
  ])('quarantines %s without a word of it', async (_what, input) => {
    const product = await Product.open();
    try {
      const report = await product.ingest(input);
      expect(sumsUp(report)).toBe(true);
      expect(report.rejected).toBeGreaterThan(0);
      expect(SOUGHT.inFiles(product)).toEqual([]);
      expect(await SOUGHT.inAnswers(product, [report], end)).toEqual([]);
    } finally {
      await product.close();
    }
  });
});
