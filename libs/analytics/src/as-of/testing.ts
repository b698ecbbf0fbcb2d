import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  History,
  shortType,
  stateLine,
  storedJson,
  streamOf,
  type Cut,
  type ObservationType,
  type RecordedFact,
} from '#lifecycle';
import { EmbeddedLedger, LedgerHistory, LedgerScan, type StreamAppend } from '#ledger';
import {
  aliased,
  DAY,
  expiresAt,
  fact,
  HOUR,
  ISSUER,
  MINUTE,
  named,
  SECOND,
  settingsFact,
  T0,
  use,
} from '../../../lifecycle/src/testing.js';
import { instant, someFacts } from '../../../lifecycle/src/testing-histories.js';
import { Analytics } from '../analytics.js';
import type { ServerPlace } from '../place.js';
import { AsOfStates, type AskedStates } from './states.js';

/** For specs: a ledger and its ClickHouse in a temporary directory, and random histories of every kind of fact. */
export class Filled {
  private constructor(
    private readonly directory: string,
    readonly ledger: EmbeddedLedger,
    readonly scan: LedgerScan,
    readonly analytics: Analytics,
    private readonly time: { now: number },
  ) {}

  /** @param server default: the embedded engine. */
  static async open(server?: ServerPlace): Promise<Filled> {
    const directory = mkdtempSync(join(tmpdir(), 'tally-as-of-'));
    const time = { now: T0 };
    const file = join(directory, 'ledger.sqlite');
    const ledger = EmbeddedLedger.open(file, { access: 'write', clock: () => time.now });
    const scan = LedgerScan.open(file);
    const files = {
      directory: join(directory, 'clickhouse'),
      lock: join(directory, 'lock'),
      journal: join(directory, 'journal.sqlite'),
    };
    const at = server === undefined ? {} : { server };
    const analytics = await Analytics.open({ files, scan, clock: () => time.now, waitMs: 0, ...at });
    return new Filled(directory, ledger, scan, analytics, time);
  }

  /** Appends facts in their order, recorded at one instant, marked as intake marks them. */
  async append(facts: readonly RecordedFact[], recordedAt: number, seen: Map<string, string>): Promise<void> {
    this.time.now = recordedAt;
    const streams = facts.map((each) => streamOf(shortType(each.type)!, each.tenant, each.subject));
    const revisions = new Map<string, bigint | undefined>();
    const known = await this.ledger.revisionsOf([...new Set(streams)]);
    [...new Set(streams)].forEach((stream, i) => revisions.set(stream, known[i]));
    const appends = facts.map((each, i): StreamAppend => {
      const stream = streams[i]!;
      const revision = revisions.get(stream);
      revisions.set(stream, (revision ?? -1n) + 1n);
      const metadata = marksOf(each, seen);
      const id = uuidOf(`${each.tenant} ${stream} ${each.id}`);
      return {
        stream,
        expected: revision ?? 'no_stream',
        events: [{ id, type: each.type, data: storedJson(each), ...(metadata !== undefined && { metadata }) }],
      };
    });
    for (const outcome of await this.ledger.appendMany(appends)) if (!outcome.ok) throw new Error('append refused');
  }

  /** Writes a history under the names of a tenant. @param settle after each group, so that it ends a batch. */
  async write(tenant: string, of: RandomHistory, settle: boolean): Promise<Written> {
    const seen = new Map<string, string>();
    const positions: bigint[] = [];
    for (const recordedAt of [...new Set(of.facts.map((each) => each.recordedAt))]) {
      const facts = ofTenant(
        of.facts.filter((each) => each.recordedAt === recordedAt).map((each) => each.fact),
        tenant,
      );
      const before = await this.ledger.head();
      await this.append(facts, recordedAt, seen);
      facts.forEach((_fact, i) => positions.push(before + BigInt(i) + 1n));
      if (settle) await this.analytics.catchUp();
    }
    return { tenant, of, positions };
  }

  async close(): Promise<void> {
    await this.analytics.close();
    this.scan.close();
    await this.ledger.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function marksOf({ type, names, data, record }: RecordedFact, seen: Map<string, string>): string | undefined {
  const known = seen.get(record.key);
  if (known === undefined) seen.set(record.key, record.digest);
  const conflict = known !== undefined && known !== record.digest;
  const links =
    names.fam !== undefined ||
    data['parent'] !== undefined ||
    data['successor'] !== undefined ||
    /\.(aliased|renamed)\./.test(type);
  if (!conflict && !links) return undefined;
  return JSON.stringify({ ...(links && { links }), ...(conflict && { conflict }) });
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** A history as it lies in the ledger. */
export interface Written {
  tenant: string;
  of: RandomHistory;
  positions: bigint[];
}

/** A name as another tenant's secret would have it: its kind stays. */
export function nameOfTenant(name: string, tenant: string): string {
  const mask = BigInt(`0x00${createHash('sha256').update(tenant).digest('hex').slice(0, 30)}`);
  return (BigInt(`0x${name}`) ^ mask).toString(16).padStart(32, '0');
}

/** The same history under the names of another tenant: kinds stay, digits change, as another secret would have it. */
export function ofTenant(facts: readonly RecordedFact[], tenant: string): RecordedFact[] {
  return distinct(facts).map((each) => {
    const { position, ...rest } = each;
    const text = JSON.stringify(rest).replace(
      /"[0-9a-f]{32}"/g,
      (quoted) => `"${nameOfTenant(quoted.slice(1, -1), tenant)}"`,
    );
    return { ...(JSON.parse(text) as RecordedFact), tenant, position };
  });
}

function distinct(facts: readonly RecordedFact[]): RecordedFact[] {
  return [...new Map(facts.map((each) => [`${each.subject} ${each.id}`, each])).values()];
}

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const jti = pick('j0', 'j1', 'j2');
const tok = pick('t0', 't1', 't2');
const one = (facts: fc.Arbitrary<RecordedFact>): fc.Arbitrary<RecordedFact[]> => facts.map((each) => [each]);

/** A token as traffic has it: issued by its issuer, used at gateways, some lines showing its tok alone. */
const ordinary = fc
  .record({
    jti,
    at: instant,
    life: pick(20 * SECOND, HOUR),
    uses: fc.array(instant, { maxLength: 4 }),
    late: fc.boolean(),
    tok: fc.option(tok),
  })
  .map(({ jti: id, at, life, uses, late, tok: digest }) => {
    const claims = { iat: T0 + at, kind: 'access', ...expiresAt(at + life) };
    const names = { jti: id, sub: `s-${id}`, cli: 'c0', fam: `f-${id}`, kid: 'k0' };
    const out = [
      fact('token.issued', {
        at,
        names: { jti: id, sub: names.sub, cli: 'c0', fam: names.fam, ses: `e-${id}` },
        data: { kind: 'access', ...expiresAt(at + life) },
      }),
      ...uses.map((when, i) =>
        use(id, when, {
          names: { sub: names.sub, kid: 'k0' },
          data: claims,
          gateway: i % 2 ? 'gw-b' : 'gw-a',
          version: i % 2 ? 'v2' : 'v1',
        }),
      ),
    ];
    if (digest !== null) {
      if (late) out.push(...aliased({ jti: id, tok: digest }));
      out.push(
        fact('token.validated', { at: at + SECOND, names: { tok: digest }, gateway: 'gw-b', data: { status: 200 } }),
      );
    }
    return out;
  });

const ended = fc.oneof(
  one(fc.tuple(instant, jti).map(([at, id]) => fact('family.revoked', { at, names: { fam: `f-${id}` } }))),
  one(
    fc
      .tuple(instant, jti)
      .map(([at, id]) => fact('token.revoked', { at, names: { jti: id }, data: { cause: 'logout' } })),
  ),
  one(
    fc.tuple(instant, instant, jti, pick<'ses' | 'sub' | 'cli'>('ses', 'sub', 'cli')).map(([at, cutoff, id, kind]) => {
      const texts = { ses: `e-${id}`, sub: `s-${id}`, cli: 'c0' };
      return fact('fence.raised', { at, data: { cutoff: T0 + cutoff, match: { [kind]: named(kind, texts[kind]) } } });
    }),
  ),
  one(
    fc
      .tuple(instant, jti, pick<ObservationType>('subject.suspended', 'subject.reinstated'))
      .map(([at, id, type]) => fact(type, { at, names: { sub: `s-${id}` }, data: { reasonId: 'd' } })),
  ),
  // An end of a family that is stated of one of its tokens.
  one(
    fc.tuple(instant, jti, tok, fc.boolean()).map(([at, id, digest, byTok]) =>
      fact('family.revoked', {
        at,
        names: byTok ? { tok: digest } : { fam: 'f9' },
        data: { token: named('jti', id) },
      }),
    ),
  ),
);

const renewed = fc
  .tuple(
    instant,
    jti,
    fc.integer({ min: 1, max: 60 }),
    fc.option(pick('x0', 'x1'), { nil: undefined }),
    pick('at', 'never', 'unknown', 'suspect'),
  )
  .map(([at, id, exp, record, kind]) =>
    fact('token.renewed', {
      at,
      names: { jti: id },
      data: {
        verified: true,
        expiry:
          kind === 'never' || kind === 'unknown'
            ? { kind, raw: null, unit: 'none', flags: [] }
            : {
                kind: 'at',
                at: T0 + exp * MINUTE,
                raw: exp,
                unit: 's',
                flags: kind === 'suspect' ? ['unit-suspect'] : [],
              },
      },
      ...(record !== undefined && { record }),
    }),
  );

const odd = fc.oneof(
  // A summary of several uses.
  fc
    .tuple(instant, jti, fc.integer({ min: 0, max: 900 }))
    .map(([at, id, span]) => use(id, at, { data: { count: 5, firstAt: T0 + at, lastAt: T0 + at + span * SECOND } })),
  // A dark launch states nothing, also not an end.
  fc
    .tuple(instant, jti)
    .map(([at, id]) =>
      fact('token.rotated', { at, names: { jti: id }, data: { shadow: true, successor: named('jti', 'j9') } }),
    ),
  // Claims that the line itself calls unverified.
  fc
    .tuple(instant, jti)
    .map(([at, id]) => use(id, at, { names: { sub: 's9' }, data: { verified: false, iat: T0, ...expiresAt(at) } })),
  fc
    .tuple(instant, jti)
    .map(([at, id]) => fact('legalhold.placed', { at, subject: named('jti', id), data: { hold: 'h' } })),
  fc
    .tuple(instant, jti)
    .map(([at, id]) =>
      fact('attestation.made', { at, subject: named('jti', id), data: { statement: 'seen' }, names: { sub: 's9' } }),
    ),
  fc
    .tuple(instant, jti, pick('\ud800', '\ud801', 'r'))
    .map(([at, id, reason]) => fact('token.suspended', { at, names: { jti: id }, data: { reason } })),
  fc
    .tuple(instant, jti, pick('\ud800', '\ud801', 'r'))
    .map(([at, id, reason]) => fact('token.reinstated', { at, names: { jti: id }, data: { reason } })),
  // From the clock of a gateway that was never set, or is hours ahead.
  jti.map((id) => use(id, -T0 + 5)),
  fc.tuple(jti, instant).map(([id, at]) => use(id, 100 * DAY + at)),
  // A token of ten sessions.
  fc
    .tuple(jti, fc.nat({ max: 9 }))
    .map(([id, n]) =>
      use(id, n * SECOND, { names: { ses: `e${n}` }, data: { form: n % 2 ? 'jwt' : 'opaque', claims: [`c${n}`] } }),
    ),
);

const alias01 = fc.tuple(jti, tok).map(([id, digest]) => aliased({ jti: id, tok: digest }));

/** Which sources may say what changes on the way; a source turns out to be bad. */
const resettled = fc.oneof(
  pick('envoy', 'keycloak', 'kong').chain((source) =>
    fc.option(fc.tuple(instant, instant), { nil: undefined }).map((bounds) =>
      fact('source.distrusted', {
        subject: source,
        data: { source, by: ['a', 'b'], ...(bounds && { from: T0 + bounds[0], to: T0 + bounds[0] + bounds[1] }) },
      }),
    ),
  ),
  fc.tuple(instant, fc.boolean(), fc.boolean()).map(([at, issues, kong]) => ({
    ...settingsFact({
      sources: {
        keycloak: {
          format: 'keycloak',
          ...(issues ? { issuers: { shop: ISSUER } } : { authority: 'gateway' as const }),
        },
        envoy: { format: 'envoy', ...(kong && { types: ['token.validated'] }) },
      },
      thresholds: { birthSlack: at },
    }),
    time: T0 + at,
  })),
);

/** Lines that describe one token in as many ways: more than are kept. */
const verbose = fc
  .tuple(jti, fc.integer({ min: 7, max: 10 }))
  .map(([id, ways]) => Array.from({ length: ways }, (_way, n) => use(id, n * SECOND, { data: { claims: [`c${n}`] } })));

const anyFacts = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: someFacts.map((facts) => facts.slice(0, 4)) },
      { weight: 4, arbitrary: ordinary },
      { weight: 3, arbitrary: ended },
      { weight: 1, arbitrary: one(renewed) },
      { weight: 2, arbitrary: one(odd) },
      { weight: 1, arbitrary: verbose },
    ),
    { minLength: 1, maxLength: 7 },
  )
  .map((groups) => groups.flat());

export interface RandomHistory {
  /** In order of position; recorded in groups. */
  facts: { fact: RecordedFact; recordedAt: number }[];
  /** Cuts to ask at: which fact is K's, T, and the cuts of gateways. */
  asked: { upTo: number; T: number; gateways: [string, number][] }[];
}

const cutAt = fc.oneof(instant, pick(0, 90 * MINUTE, 365 * DAY));

/** Histories of every kind, each to be asked at some (T, K). */
export const randomHistories: fc.Arbitrary<RandomHistory> = fc
  .tuple(anyFacts, fc.array(resettled, { maxLength: 2 }), fc.boolean(), fc.integer({ min: 0, max: 9 }))
  .chain(([facts, changes, shuffled, weird]) => {
    const all = [...facts, ...(weird < 3 ? changes : [])];
    return (shuffled ? fc.shuffledSubarray(all, { minLength: all.length }) : fc.constant(all)).chain((list) => {
      const whole = [settingsFact(), ...list];
      return fc
        .tuple(
          fc.integer({ min: 1, max: whole.length }),
          fc.array(
            fc.record({
              upTo: fc.oneof(
                { weight: 2, arbitrary: fc.constant(1) },
                { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
              ),
              T: cutAt.map((at) => T0 + at),
              gateways: fc.array(
                fc.tuple(
                  pick('gw-a', 'gw-b'),
                  cutAt.map((at) => T0 + at),
                ),
                { maxLength: 2 },
              ),
            }),
            { minLength: 1, maxLength: 4 },
          ),
        )
        .map(([later, asked]) => ({
          facts: whole.map((each, i) => ({ fact: each, recordedAt: i < later ? T0 + HOUR : T0 + 80 * DAY })),
          asked: asked.map((each) => ({ ...each, upTo: Math.max(1, Math.round(each.upTo * whole.length)) })),
        }));
    });
  });

/** One token with hundreds of uses over months: minutes, hours and days of them, cut by ends, expiries and suspensions. */
export const longHistories: fc.Arbitrary<RandomHistory> = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 75 * 24 }),
        fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 12 }),
        fc.nat({ max: 7 }),
      ),
      { minLength: 10, maxLength: 40 },
    ),
    fc.array(fc.oneof(ended, one(renewed), ordinary, one(odd), alias01), { maxLength: 4 }),
    fc.array(fc.integer({ min: 0, max: 80 * 24 * 60 }), { minLength: 1, maxLength: 3 }),
  )
  .map(([bursts, others, asked]) => {
    const uses = bursts.flatMap(([hour, seconds, kind]) =>
      seconds.map((second) => {
        const names = { jti: 'j0', sub: 's-j0', net: `a${kind % 2}` };
        const data =
          kind > 5
            ? { class: 'who', reason: kind === 7 ? 'expired' : 'kid' }
            : { kind: 'access', ...expiresAt(40 * DAY) };
        return fact(kind > 5 ? 'token.rejected' : 'token.validated', {
          at: hour * HOUR + second * SECOND,
          names,
          data: { issuer: ISSUER, verified: true, ...data },
          gateway: kind % 3 === 0 ? 'gw-a' : 'gw-b',
          version: kind % 2 === 0 ? 'v1' : 'v2',
          recordedAt: hour * HOUR + second * SECOND,
          record: `${hour} ${second} ${kind}`,
        });
      }),
    );
    const facts = [...uses, ...others.flat()].sort((a, b) => a.recordedAt - b.recordedAt);
    return {
      facts: [settingsFact(), ...facts].map((each, i) => ({
        fact: each,
        recordedAt: T0 + DAY * (i % 3 === 0 ? 90 : 91),
      })),
      asked: asked.map((minute) => ({
        upTo: 1 + ((minute * 7) % (facts.length + 1)),
        T: T0 + minute * MINUTE,
        gateways: [],
      })),
    };
  });

/** The first answer out of ClickHouse that is not the replay's, told with the facts; undefined if there is none. */
export async function differenceOf(
  filled: Filled,
  { tenant, of, positions }: Written,
  how: AskedStates,
  share = { plain: 0, judged: 0 },
): Promise<string | undefined> {
  const { engine } = filled.analytics;
  const reached = await filled.analytics.reached();
  for (const { upTo, T, gateways } of of.asked) {
    const cut: Cut = gateways.length === 0 ? { T } : { T, gateways: new Map(gateways) };
    const K = upTo >= positions.length ? reached : positions[upTo - 1]!;
    const history = new History(new LedgerHistory(filled.scan, tenant, K));
    const views = [...history.views(cut)].map(({ view }) => view).filter((view) => view.kind !== 'consumer');
    const replayed = views.map(stateLine).join('');
    const states = new AsOfStates({ engine, reached }, tenant, K);
    let found = '';
    for await (const line of states.lines(cut, how)) found += line;
    share.plain += states.share.plain;
    share.judged += states.share.judged;
    if (found === replayed) continue;
    const facts = of.facts.map(({ fact: { source, type, subject, time, names, data } }) =>
      JSON.stringify({ source, type, subject, time, names, data }),
    );
    const asked = JSON.stringify({ tenant, T, K: String(K), gateways, ...how });
    return `${asked}\nreplayed:\n${replayed}found:\n${found}facts:\n${facts.join('\n')}`;
  }
  return undefined;
}
