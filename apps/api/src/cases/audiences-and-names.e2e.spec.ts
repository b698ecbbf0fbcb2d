import { describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '#lifecycle';
import { cloudEvent, lineOf } from './lines.js';
import {
  after,
  answersOf,
  caseBytes,
  caseLines,
  caseRecord,
  caseSettings,
  iso,
  Product,
  sumsUp,
  T0,
  withProduct,
  type JsonLine,
} from './product.js';

const AUD = '08-aud-shapes.envoy.ndjson';
const COLLISION = '09-jti-collision.envoy.ndjson';
const SHOP = 'https://idp.example.com/realms/shop';
const PARTNER = 'https://partner.example.net/';
const end = after(60);

const claims = (changes: JsonLine): JsonLine =>
  Object.fromEntries(Object.entries(changes).map(([claim, value]) => [`jwt.verified_jwt.${claim}`, value]));
const hash = (n: number): string => n.toString(16).padStart(2, '0').repeat(32);
/** A use at Envoy of the token with this hash. */
const use = (n: number | undefined, changes: JsonLine, line: JsonLine = {}): JsonLine =>
  lineOf('envoy', {
    start_time: iso(10),
    token_sha256: n === undefined ? undefined : hash(n),
    ...claims({ iat: 1773133199, nbf: undefined, exp: 1773136800, ...changes }),
    ...line,
  });

describe.each(['auto', 'envoy'])('case 8, aud as string, list, wrong order, empty, number (--source %s)', (source) => {
  const withShapes = async (settings: SettingsInput, check: (product: Product) => Promise<void>): Promise<void> => {
    const product = await Product.open(settings);
    try {
      expect(await product.ingest(caseBytes(AUD), source)).toMatchObject({ records: 9, accepted: 9 });
      await check(product);
    } finally {
      await product.close();
    }
  };
  const at = (product: Product, n: number) => product.token({ jti: `t-08-${n}`, issuer: SHOP }, end);

  it('takes audiences for a set: lines 1 to 4 give two tokens and no changed claims', () =>
    withShapes(caseSettings(), async (product) => {
      expect((await product.state(end)).rows).toHaveLength(6);
      expect(await at(product, 1)).toMatchObject({ audiences: ['invoices-api'], flags: [] });
      expect(await at(product, 2)).toMatchObject({ audiences: ['invoices-api', 'ledger-api'], flags: [] });
      expect(JSON.stringify((await product.export()).map((event) => event['type']))).not.toContain('changed');
    }));

  it('takes [] and "" and null for none, and keeps 17 raw, flagged, no text', () =>
    withShapes(caseSettings(), async (product) => {
      for (const n of [4, 5, 7]) expect((await at(product, n)).audiences).toEqual([]);
      const odd = await at(product, 6);
      expect(odd).toMatchObject({ audiences: [], flags: ['audienceInvalid'] });
      expect(await product.findings(end)).toMatchObject([
        { rule: 'audience', kind: 'audience invalid', tokens: [odd.name], evidence: { raw: '17' } },
      ]);
      expect(JSON.stringify(odd)).not.toContain('"17"');
    }));

  it('finds the audience missing where the issuer’s profile requires one', () =>
    withShapes({ ...caseSettings(), issuers: { [SHOP]: { audienceRequired: true } } }, async (product) => {
      const missing = (await product.findings(end)).filter((finding) => finding.kind === 'audience missing');
      const names = await Promise.all([4, 5, 7].map(async (n) => (await at(product, n)).name));
      expect(missing.flatMap((finding) => finding.tokens).sort()).toEqual(names.sort());
    }));

  it('joins the refusal of the last line to t-08-4 through the hash', () =>
    withShapes(caseSettings(), async (product) => {
      const token = await at(product, 4);
      expect(token.versions).toMatchObject({ accepted: ['v41'], refused: ['v41'] });
      const refusal = (await product.history(token.name, end)).find((fact) => fact['type'] === 'token.rejected');
      expect(refusal).toMatchObject({ effectiveAt: iso(20), data: { reason: 'audience' } });
      expect(token.endedAt).toBeNull();
    }));
});

describe('case 8, other shapes', () => {
  it.each<[string, unknown, string[], string[]]>([
    ['a list with a number', ['a', 17], [], ['audienceInvalid']],
    ['a list in a list', [['a']], [], ['audienceInvalid']],
    ['a list with null', ['a', null], [], ['audienceInvalid']],
    ['an object', { a: 1 }, [], ['audienceInvalid']],
    ['true', true, [], ['audienceInvalid']],
    ['a list with empty text', ['a', ''], ['a'], []],
    ['a list of empty text', [''], [], []],
    ['repeats alone', ['a', 'a'], ['a'], []],
    ['text with blanks, one audience', 'a b', ['a b'], []],
    ['text that looks like a list', '["a"]', ['["a"]'], []],
    ['letter case, two audiences', ['A', 'a'], ['A', 'a'], []],
    ['absent', undefined, [], []],
  ])('reads %s', async (_what, aud, audiences, flags) => {
    await withProduct([[use(1, { jti: 'v', aud })]], async (product) => {
      expect(await product.token({ jti: 'v', issuer: SHOP }, end)).toMatchObject({ audiences, flags });
    });
  });

  it('flags a token whose lines show different sets, whichever comes first', async () => {
    const [a, b] = [use(1, { jti: 'v', aud: ['a', 'b'] }), use(1, { jti: 'v', aud: ['b', 'c'] })];
    const seen: unknown[] = [];
    for (const lines of [[a, b], [b, a]])
      await withProduct([lines], async (product) => {
        const { flags, audiences } = await product.token({ jti: 'v', issuer: SHOP }, end);
        expect(flags).toEqual(['conflict']);
        seen.push(JSON.stringify(audiences));
      });
    expect(new Set(seen).size).toBe(1);
  });

  it('reads the list that APISIX writes as text', () =>
    withProduct([[lineOf('apisix', { jti: 'v', aud: '["b","a","b"]' }), lineOf('apisix', { jti: 'v', aud: '["a","b"]' })]], async (product) => {
      expect(await product.token({ jti: 'v', issuer: 'https://login.example.com/' }, end)).toMatchObject({ audiences: ['a', 'b'], flags: [] });
    }));
});

describe.each(['auto', 'envoy'])('case 9, jti collisions (--source %s)', (source) => {
  it('keeps four tokens, one critical conflict, and lists both parts of 42', async () => {
    const product = await Product.open();
    try {
      await product.ingest(caseBytes(COLLISION), source);
      expect((await product.state(end)).rows).toHaveLength(4);
      const parts = await product.parts({ jti: '42', issuer: SHOP }, end);
      expect(parts).toHaveLength(2);
      const [first, other] = await Promise.all(
        [1, 3].map((n) => product.token({ sha256: String(caseRecord(COLLISION, n)['token_sha256']) }, end)),
      );
      expect(parts.map((part) => part.name).sort()).toEqual([first!.name, other!.name].sort());
      expect(first!.subject).not.toBe(other!.subject);
      for (const part of parts) expect(part).toMatchObject({ status: 'active', flags: ['conflict'], jti: '42' });
      const partner = await product.token({ jti: '42', issuer: PARTNER }, end);
      expect(partner.flags).toEqual([]);
      const findings = await product.findings(end);
      expect(findings).toMatchObject([{ rule: 'D17', kind: 'identity conflict', severity: 'critical' }]);
      expect([...findings[0]!.tokens].sort()).toEqual(parts.map((part) => part.name).sort());

      const usesOf = async (name: string): Promise<unknown[]> =>
        (await product.history(name, end)).filter((f) => f['type'] === 'token.validated').map((f) => f['effectiveAt']);
      // Line 4 is plain further use of the first token; neither part has the other's line.
      expect(await usesOf(first!.name)).toEqual([iso(0), iso(3)]);
      expect(await usesOf(other!.name)).toEqual([iso(2)]);
      const bare = await product.token({ sha256: String(caseRecord(COLLISION, 5)['token_sha256']) }, end);
      expect(bare).toMatchObject({ jti: null, issuer: SHOP, flags: [] });
      expect(await usesOf(bare.name)).toEqual([iso(4), iso(5)]);
    } finally {
      await product.close();
    }
  });
});

describe('case 9, other jtis', () => {
  it('reads the number 42 as its digits, flagged, so that it is the token "42"', () =>
    withProduct([[use(1, { jti: 42 }), use(1, { jti: '42' })]], async (product) => {
      expect((await product.state(end)).rows).toHaveLength(1);
      expect(await product.token({ jti: '42', issuer: SHOP }, end)).toMatchObject({ status: 'active', flags: [] });
      expect(await product.findings(end)).toMatchObject([{ rule: 'unusable-name', kind: 'name is a number', severity: 'info' }]);
    }));

  it.each<[string, string]>([
    ['2^53 + 1', '9007199254740993'],
    ['a fraction', '42.5'],
    ['true', 'true'],
    ['an object', '{"id":"42"}'],
    ['a list', '["42"]'],
    ['a huge exponent', '4e300'],
  ])('lets %s name nothing: the hash names the tokens', async (_what, text) => {
    const lines = [1, 2].map((n) => JSON.stringify(use(n, { jti: 'JTI' })).replace('"JTI"', text));
    await withProduct([lines], async (product) => {
      const { rows } = await product.state(end);
      expect(rows).toHaveLength(2);
      for (const n of [1, 2]) expect(await product.token({ sha256: hash(n) }, end)).toMatchObject({ jti: null, flags: [] });
      const findings = await product.findings(end);
      expect(findings).toMatchObject([{ rule: 'unusable-name', kind: 'value names nothing', severity: 'medium' }]);
      expect(findings[0]!.tokens).toHaveLength(2);
    });
  });

  it('says of a line whose jti names nothing, and that has no hash, what became of it', () =>
    withProduct([[use(undefined, { jti: { id: 1 } })]], async (product, [report]) => {
      expect(sumsUp(report!)).toBe(true);
      expect(report).toMatchObject({ records: 1, accepted: 0 });
      expect((await product.state(end)).rows).toEqual([]);
    }));

  it.each<[string, JsonLine[], number]>([
    ['two subjects', [{ token_sub: 'a' }, { token_sub: 'b' }], 2],
    ['two issue times', [{ token_iat: 1773133100 }, { token_iat: 1773133200 }], 2],
    ['three subjects', [{ token_sub: 'a' }, { token_sub: 'b' }, { token_sub: 'c' }, { token_sub: 'a' }], 3],
    ['one subject twice', [{ token_sub: 'a' }, { token_sub: 'a' }], 1],
    ['a subject, and a line without', [{ token_sub: 'a' }, { token_sub: undefined }], 1],
  ])('tells tokens of one jti without hashes apart by %s', async (_what, changes, count) => {
    const lines = changes.map((change, i) =>
      lineOf('kong', { started_at: T0 + i * 1000, token_jti: '7', token_iss: SHOP, token_sub: 'a', ...change }),
    );
    const digests = new Set<string>();
    for (const order of [lines, [...lines].reverse()])
      await withProduct([order], async (product) => {
        const { rows, digest } = await product.state(end);
        expect(rows).toHaveLength(count);
        digests.add(digest);
        expect(await product.parts({ jti: '7', issuer: SHOP }, end)).toHaveLength(count);
        const critical = (await product.findings(end)).filter((finding) => finding.rule === 'D17');
        expect(critical).toHaveLength(count > 1 ? 1 : 0);
      });
    expect(digests.size).toBe(1);
  });

  const revocations: [string, JsonLine[]][] = [
    ['Keycloak by jti', [lineOf('keycloak', { type: 'REVOKE_GRANT', time: T0 + 30_000, sessionId: undefined, userId: 'svc-billing', details: { token_id: '42' } })]],
    ['an issuer by jti', [cloudEvent('token.revoked', iso(30), { issuer: SHOP, jti: '42', cause: 'leaked' })]],
    ['an issuer by the hash of one part', [cloudEvent('token.revoked', iso(30), { issuer: SHOP, token_sha256: String(caseRecord(COLLISION, 1)['token_sha256']), cause: 'leaked' })]],
  ];
  const settings: SettingsInput = caseSettings();
  settings.sources!['cloudevents'] = { format: 'cloudevents', authority: 'issuer', mayIssue: [SHOP] };

  it.each(revocations)('lets a revocation reach both parts, said by %s, before or after', async (_who, revocation) => {
    const answers = new Set<string>();
    for (const inputs of [[caseLines(COLLISION), revocation], [revocation, caseLines(COLLISION)]])
      await withProduct(
        inputs,
        async (product) => {
          const parts = await product.parts({ jti: '42', issuer: SHOP }, end);
          expect(parts.map((part) => [part.status, part.endedAt])).toEqual([['revoked', iso(30)], ['revoked', iso(30)]]);
          expect((await product.token({ jti: '42', issuer: PARTNER }, end)).status).toBe('active');
          answers.add(JSON.stringify(await answersOf(product, end)));
        },
        settings,
      );
    expect(answers.size).toBe(1);
  });

  it('lets Okta’s revocation reach every part of a jti of its own', () =>
    withProduct(
      [
        [1, 2].map((n) => lineOf('kong', { started_at: T0, token_jti: 'AT.x', token_sha256: hash(n) })),
        [lineOf('okta', { eventType: 'app.oauth2.as.token.revoke', published: iso(30), 'target.0.id': 'AT.x' })],
      ],
      async (product) => {
        const parts = await product.parts({ jti: 'AT.x', issuer: 'https://org.example.com/oauth2/default' }, end);
        expect(parts.map((part) => part.status)).toEqual(['revoked', 'revoked']);
      },
    ));

  it('lets a suspension reach both parts, and a rotation only its own', () =>
    withProduct(
      [
        caseLines(COLLISION),
        [
          cloudEvent('token.suspended', iso(30), { issuer: SHOP, jti: '42', reasonId: 'r' }),
          cloudEvent('token.consumed', iso(40), { issuer: SHOP, token_sha256: String(caseRecord(COLLISION, 1)['token_sha256']) }),
        ],
      ],
      async (product) => {
        const statuses = async (seconds: number): Promise<string[]> =>
          (await product.parts({ jti: '42', issuer: SHOP }, after(seconds))).map((part) => part.status).sort();
        expect(await statuses(35)).toEqual(['suspended', 'suspended']);
        expect(await statuses(50)).toEqual(['consumed', 'suspended']);
      },
      { ...settings, sources: { ...settings.sources, cloudevents: { format: 'cloudevents', authority: 'operator' } } },
    ));

  it('joins nothing by a hash that shows two jtis', () =>
    withProduct([[use(1, { jti: 'a' }), use(1, { jti: 'b' })]], async (product) => {
      const critical = (await product.findings(end)).filter((finding) => finding.severity === 'critical');
      expect(critical).toMatchObject([{ rule: 'D17', kind: 'identity conflict' }]);
      for (const jti of ['a', 'b']) expect((await product.token({ jti, issuer: SHOP }, end)).jti).toBe(jti);
    }));

  it.each<[string, (settings: SettingsInput) => void]>([
    ['source', (all) => void Object.assign(all.sources!['envoy']!, { jti: 'none' })],
    ['issuer', (all) => void (all.issuers = { [SHOP]: { jti: 'perGrant' } })],
  ])('takes the hash for the name where the settings of the %s call its jti not unique', async (_whose, change) => {
    const all: SettingsInput = caseSettings();
    change(all);
    await withProduct(
      [caseLines(COLLISION)],
      async (product) => {
        expect((await product.state(end)).rows).toHaveLength(4);
        expect((await product.findings(end)).filter((finding) => finding.rule === 'D17')).toEqual([]);
      },
      all,
    );
  });

  it('compares issuers byte for byte, and finds spellings', () =>
    withProduct([[use(1, { jti: '1', iss: 'https://idp.example.com/realms/shop/' }), use(2, { jti: '1' })]], async (product) => {
      expect((await product.state(end)).rows).toHaveLength(2);
      expect(await product.findings(end)).toContainEqual(expect.objectContaining({ kind: 'issuer spelled otherwise', severity: 'medium' }));
    }));
});
