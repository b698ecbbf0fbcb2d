import { describe, expect, it } from '@jest/globals';
import type { IngestAnswer } from '../tally/questions.js';
import { Sought } from './leaks.js';
import { cloudEvent, lineOf } from './lines.js';
import { after, caseBytes, caseRecord, iso, Product, sourceOf, sumsUp, withProduct, type JsonLine, type Row } from './product.js';

const KEYCLOAK = '12-unicode.keycloak.ndjson';
const ENVOY = '12-unicode.envoy.ndjson';
const FILES = [KEYCLOAK, ENVOY];
const SHOP = 'https://idp.example.com/realms/shop';
const end = after(60);

/** The user name on each line of the Keycloak input, and the token that the line shows first. */
const NAMES = [1, 2, 3, 4, 5, 6].map((n) => {
  const { username, token_id } = caseRecord<{ details: Record<string, string> }>(KEYCLOAK, n).details;
  return [token_id!, username!] as const;
});
const CLAIMS = caseRecord<{ jwt: { verified_jwt: Record<string, string> } }>(ENVOY, 1).jwt.verified_jwt;

const units = (text: unknown): number[] => [...String(text).split('')].map((unit) => unit.charCodeAt(0));

/** The personal fields of a history: each record keeps them on its first event alone. */
async function personsOf(product: Product, name: string): Promise<Row[]> {
  const history = await product.history(name, end, true);
  return history.map((fact) => fact['personal'] as Row | undefined).filter((box) => box !== undefined);
}

/** Every personal field in the whole ledger, by the token in whose stream it lies. */
async function allPersons(product: Product): Promise<Row[]> {
  const { rows } = await product.state(end);
  const found = await Promise.all(rows.map((row) => personsOf(product, String(row['name']))));
  return found.flat();
}

describe.each([
  ['auto', FILES],
  ['auto', [...FILES].reverse()],
  ['named', FILES],
])('case 12, Unicode in claims and user names (%s, %j)', (how, files) => {
  async function withNames(check: (product: Product, reports: IngestAnswer[]) => Promise<void>): Promise<void> {
    const product = await Product.open();
    try {
      const reports: IngestAnswer[] = [];
      for (const file of files) reports.push(await product.ingest(caseBytes(file), how === 'auto' ? 'auto' : sourceOf(file)));
      await check(product, reports);
    } finally {
      await product.close();
    }
  }

  it('keeps seven access tokens and six refresh tokens, none twice, none lost', () =>
    withNames(async (product, reports) => {
      expect(reports.every(sumsUp)).toBe(true);
      expect(reports.map(({ records, accepted }) => [records, accepted]).sort()).toEqual([[1, 1], [6, 6]]);
      const { rows } = await product.state(end);
      expect(rows).toHaveLength(13);
      const kinds = await Promise.all(rows.map(async (row) => (await product.token({ name: String(row['name']) }, end)).kind));
      expect(kinds.filter((kind) => kind === 'refresh')).toHaveLength(6);
      expect(kinds.filter((kind) => kind === 'jwt')).toHaveLength(7);
    }));

  it('gives each name back code unit for code unit, also after a restart', () =>
    withNames(async (product) => {
      for (const again of [false, true]) {
        if (again) await product.restart();
        const persons = await allPersons(product);
        const names = persons.map((box) => box['userName']);
        for (const [, username] of NAMES) expect(names.map(units)).toContainEqual(units(username));
        // Composed and decomposed stay two texts of one user.
        expect(NAMES[0]![1]).not.toBe(NAMES[1]![1]);
        expect(NAMES[0]![1].normalize('NFC')).toBe(NAMES[1]![1].normalize('NFC'));
        const [envoy] = await personsOf(product, (await product.token({ jti: 't-12-7', issuer: SHOP }, end)).name);
        expect(envoy).toMatchObject({ subject: CLAIMS['sub'], userName: CLAIMS['name'] });
      }
    }));

  it('goes by userId and sub, whatever the name looks like', () =>
    withNames(async (product) => {
      const at = (jti: string) => product.token({ jti, issuer: SHOP }, end);
      expect((await at('at-12-1')).subject).toBe((await at('at-12-2')).subject);
      const subjects = await Promise.all(['at-12-1', 'at-12-3', 'at-12-4', 'at-12-5', 'at-12-6', 't-12-7'].map(async (jti) => (await at(jti)).subject));
      expect(new Set(subjects).size).toBe(6);
    }));

  it('breaks no export, no file and no answer by them, and shows none of them to whoever does not ask', () =>
    withNames(async (product, reports) => {
      const exported = await product.export();
      for (const event of exported) {
        const line = JSON.stringify(event);
        expect(line.isWellFormed()).toBe(true);
        expect(line).not.toContain('\u0000');
        expect(JSON.parse(line)).toEqual(event);
      }
      // One box a record, on its first event.
      expect(exported.filter((event) => (event['data'] as Row)['personal'] !== undefined)).toHaveLength(7);
      const sought = new Sought();
      for (const [jti, username] of NAMES) {
        sought.text(`name of ${jti}`, username);
        sought.text(`name of ${jti}, escaped`, JSON.stringify(username).slice(1, -1));
        for (const word of username.split(/[^\p{L}]+/u)) if (word.length > 4) sought.text(`part of ${jti}`, word);
      }
      for (const text of ['u-801', 'u-805', 'zoë@example.com', 'Zoë okoľ', '192.0.2.10', '192.0.2.30', 'billing-cli/1.9']) sought.text(text, text);
      expect(sought.inFiles(product)).toEqual([]);
      expect(await sought.inAnswers(product, reports, end)).toEqual([]);
    }));
});

const ODD: [what: string, text: string][] = [
  ['a right-to-left override', 'a\u202eb'],
  ['an isolate that never ends', 'a\u2067b'],
  ['a zero width joiner and space', 'a\u200d\u200bb'],
  ['an ANSI escape', '\u001b[31mred\u001b[0m\u0007'],
  ['C1 controls', 'a\u0085\u009bb'],
  ['line and paragraph separators', 'a\u2028b\u2029c'],
  ['carriage return and line feed', 'a\r\nb\tc'],
  ['a byte order mark within', 'a\ufeffb'],
  ['a surrogate pair', '\u{1f98a}'],
  ['a high surrogate at the end', 'a\ud83e'],
  ['a low surrogate at the start', '\udd8aa'],
  ['surrogates the wrong way round', '\udd8a\ud83e'],
  ['NUL alone', '\u0000'],
  ['a noncharacter', 'a\uffff\ufffeb'],
  ['the replacement character itself', 'a\ufffdb'],
  ['combining marks without end', `z${'\u0301'.repeat(200)}`],
  ['quotes, commas and a formula', '=cmd|"/c calc"!A1,;\'"'],
  ['a very long name', '山'.repeat(5000)],
];

describe('case 12, other characters in fields that are displayed', () => {
  const shown: [source: string, field: string, line: (text: string, jti: string) => JsonLine][] = [
    ['Keycloak', 'userName', (text, jti) => lineOf('keycloak', { 'details.username': text, 'details.token_id': jti, 'details.refresh_token_id': undefined })],
    ['Envoy', 'userName', (text, jti) => lineOf('envoy', { 'jwt.verified_jwt.name': text, 'jwt.verified_jwt.jti': jti, token_sha256: undefined })],
    ['Envoy', 'agent', (text, jti) => lineOf('envoy', { user_agent: text, 'jwt.verified_jwt.jti': jti, token_sha256: undefined })],
    ['CloudEvents', 'userName', (text, jti) => cloudEvent('token.validated', iso(5), { issuer: SHOP, jti, user_name: text })],
  ];

  it.each(shown)('gives them back from %s, %s, code unit for code unit', async (_source, field, line) => {
    await withProduct([ODD.map(([, text], i) => line(text, `odd-${i}`))], async (product, [report]) => {
      expect(report).toMatchObject({ records: ODD.length, accepted: ODD.length });
      for (const [i, [what, text]] of ODD.entries()) {
        const { name } = await product.token({ jti: `odd-${i}`, issuer: SHOP }, end);
        const [box] = await personsOf(product, name);
        expect([what, units(box![field])]).toEqual([what, units(text)]);
      }
      for (const event of await product.export()) expect(JSON.stringify(event).isWellFormed()).toBe(true);
    });
  });

  it('keeps lines apart whose names differ by a surrogate alone, and drops the repeat of one', () => {
    const line = (text: string): JsonLine => lineOf('keycloak', { id: 'same-id', 'details.username': text, 'details.token_id': 'v' });
    return withProduct([[line('a\ud800'), line('a\ud800')]], async (product, [report]) => {
      expect(report).toMatchObject({ accepted: 1, duplicates: 1 });
      expect((await product.state(end)).rows).toHaveLength(2);
    });
  });
});

describe('case 12, other characters in fields that name something', () => {
  const naming: [what: string, line: (text: string) => JsonLine, field: string][] = [
    ['Keycloak’s userId', (text) => lineOf('keycloak', { userId: text, 'details.token_id': 'n' }), 'userId'],
    ['Keycloak’s token_id', (text) => lineOf('keycloak', { 'details.token_id': text }), 'details.token_id'],
    ['Envoy’s sub', (text) => lineOf('envoy', { 'jwt.verified_jwt.sub': text }), 'jwt.verified_jwt.sub'],
    ['Envoy’s jti', (text) => lineOf('envoy', { 'jwt.verified_jwt.jti': text }), 'jwt.verified_jwt.jti'],
    ['Kong’s issuer', (text) => lineOf('kong', { token_iss: text }), 'token_iss'],
    ['Okta’s token', (text) => lineOf('okta', { 'target.0.id': text }), 'target.0.id'],
    ['APISIX’s consumer', (text) => lineOf('apisix', { consumer_name: text }), 'consumer_name'],
  ];

  it.each(naming)('refuses what is no Unicode in %s, and says where', async (_what, line, field) => {
    for (const text of ['a\ud800b', '\udfff', 'a\u0000b']) {
      await withProduct([[line(text), line('fine')]], async (product, [report]) => {
        expect(report).toMatchObject({ records: 2, accepted: 1, rejected: 1 });
        expect(report!.rejections[0]!.field).toContain(field.split('.').at(-1));
        expect(report!.rejections[0]!.reason).toContain('lone surrogate or NUL');
        const { rows } = await product.rows('deadletters.list', {});
        expect(rows).toHaveLength(1);
        expect(JSON.stringify(rows)).not.toContain('\\u0000');
      });
    }
  });

  it('names by every other text as it is, and folds nothing: composed, decomposed and overridden are three', () =>
    withProduct([['Zo\u00eb', 'Zoe\u0308', 'Zo\u00eb\u202e', 'zo\u00eb', 'Zo\u00eb\u200b'].map((sub, i) => lineOf('kong', { token_sub: sub, token_jti: `k${i}`, token_iss: SHOP }))], async (product, [report]) => {
      expect(report).toMatchObject({ accepted: 5 });
      const subjects = new Set<unknown>();
      for (let i = 0; i < 5; i++) subjects.add((await product.token({ jti: `k${i}`, issuer: SHOP }, after(700))).subject);
      expect(subjects.size).toBe(5);
    }));

  it.each(['山田-1', 'jti\u202eexe', 'a b\tc', '🦊'.repeat(100)])('finds the token %j by its jti', (jti) =>
    withProduct([[lineOf('envoy', { 'jwt.verified_jwt.jti': jti })]], async (product) => {
      const token = await product.token({ jti, issuer: SHOP }, end);
      expect(units(token.jti)).toEqual(units(jti));
    }));
});
