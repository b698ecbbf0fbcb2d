import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History, shortType, storedJson, streamOf, type Finding, type RecordedFact } from '#lifecycle';
import { EmbeddedLedger, LedgerHistory, LedgerScan } from '#ledger';
import { aliased, fact, ISSUER, named, SETTINGS, T0 } from '../../../lifecycle/src/testing.js';
import { FindingsFollower } from './findings-follower.js';
import { StoredFindings } from './stored-findings.js';

const DAY = 86_400_000;

let directory: string;
let ledger: EmbeddedLedger;
let scan: LedgerScan;
let follower: FindingsFollower;
let now: number;

const file = (): string => join(directory, 'findings.sqlite');
const follow = (): FindingsFollower => new FindingsFollower({ ledger, scan, file: file(), clock: () => now });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-follow-'));
  now = T0 + DAY;
  ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write', clock: () => now });
  scan = LedgerScan.open(join(directory, 'ledger.sqlite'));
  follower = follow();
  await record(
    fact('settings.declared', { at: -1, source: 'tally', subject: 'default', data: { settings: SETTINGS } }),
  );
});
afterEach(async () => {
  await follower.close();
  scan.close();
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

let written = 0;
async function record(...facts: (RecordedFact & { tenant: string })[]): Promise<void> {
  for (const each of facts) {
    const stream = streamOf(shortType(each.type)!, each.tenant, each.subject);
    const [revision] = await ledger.revisionsOf([stream]);
    const id = `00000000-0000-4000-8000-${String(++written).padStart(12, '0')}`;
    const event = { id, type: each.type, data: storedJson(each), metadata: '{"links":true}' };
    await ledger.append(stream, [event], revision ?? 'no_stream');
  }
}

interface Told {
  stream: string;
  type: string;
  source: string;
  tenant: string;
  data: { finding: Finding; reason?: string; by?: string };
}
function told(): Told[] {
  return [...scan.scanAll()]
    .filter(({ type }) => type.startsWith('tallystick.finding.'))
    .map((row) => ({
      ...(JSON.parse(row.data) as Told),
      stream: scan.streamName(row.streamId),
      type: row.type.split('.')[2]!,
    }));
}

async function stored(tenant = 'default'): Promise<Finding[] | undefined> {
  const position = await ledger.head();
  const [row] = [...scan.scanAll({ after: position - 1n })];
  const findings = StoredFindings.open(file())!;
  try {
    return findings.at(tenant, position, row!.recordedAt, now);
  } finally {
    findings.close();
  }
}

async function whole(tenant = 'default'): Promise<unknown> {
  const history = new History(new LedgerHistory(scan, tenant, await ledger.head()));
  return JSON.parse(JSON.stringify(history.findings({ T: now })));
}

const misused = (names: { jti?: string; tok?: string }, at = 0, tenant = 'default') => ({
  ...fact('token.validated', {
    at,
    names,
    gateway: 'gw-a',
    data: { issuer: ISSUER, verified: true, cnf: { jkt: 'k' }, scheme: 'bearer' },
  }),
  tenant,
});

describe('the findings follower', () => {
  it('withdraws the finding of a name that merged into another, and says by which', async () => {
    await record(misused({ tok: 't' }));
    await follower.catchUp();
    await record(...aliased({ jti: 'j', tok: 't' }));
    await follower.catchUp();
    const of = (name: string) =>
      told().filter(({ data }) => data.finding.rule === 'D6' && data.finding.tokens[0] === name);
    const [tok, jti] = [of(named('tok', 't')), of(named('jti', 'j'))];
    expect(tok.map(({ type }) => type)).toEqual(['raised', 'withdrawn']);
    expect(jti.map(({ type }) => type)).toEqual(['raised']);
    expect(tok[1]!.data).toMatchObject({ reason: 'names merged', by: jti[0]!.data.finding.id });
    expect(await stored()).toEqual(await whole());
  });

  it('keeps tenants apart, also where an incident has the same id', async () => {
    const raw = (tenant: string) => ({
      ...fact('token.validated', { names: { jti: 'j' }, data: { issuer: ISSUER, raw: ['headers.authorization'] } }),
      tenant,
    });
    await record(raw('default'));
    await follower.catchUp();
    await record({ ...raw('shop'), subject: named('jti', 'other'), names: { jti: named('jti', 'other') } });
    await follower.catchUp();
    const events = told().filter(({ data }) => data.finding.rule === 'raw-credentials');
    const { id } = events[0]!.data.finding;
    expect(events.map(({ stream }) => stream)).toEqual([`finding-${id}`, `finding-${id}-shop`]);
    for (const tenant of ['default', 'shop']) expect(await stored(tenant)).toEqual(await whole(tenant));
  });

  it('judges anew what turns by time alone, and stored findings say nothing of then before', async () => {
    await record(misused({ jti: 'j' }, 3 * DAY));
    await follower.catchUp();
    expect((await stored())!.map(({ rule }) => rule)).toEqual(['future-dated']);
    now += 4 * DAY;
    expect(await stored()).toBeUndefined();
    await follower.catchUp();
    expect((await stored())!.map(({ rule }) => rule)).toContain('D6');
    expect(await stored()).toEqual(await whole());
  });

  it('lets only the age of a token without expiry grow, and writes nothing for that', async () => {
    const expiry = { kind: 'never', raw: null, unit: 'none', flags: [] };
    await record(fact('token.validated', { names: { jti: 'j' }, data: { issuer: ISSUER, verified: true, expiry } }));
    await follower.catchUp();
    const head = await ledger.head();
    now += 30 * DAY;
    await follower.catchUp();
    expect(await ledger.head()).toBe(head);
    const [found] = (await stored())!.filter(({ rule }) => rule === 'never-expires');
    expect(found!.summary).toContain('31 days old');
    expect(await stored()).toEqual(await whole());
  });

  it('is nobody’s clock: what it says moves no watermark', async () => {
    await record(misused({ jti: 'j' }));
    const clocks = () => new LedgerHistory(scan, 'default', scan.head()).clocks();
    const before = clocks();
    now += DAY;
    await follower.catchUp();
    expect(told().length).toBeGreaterThan(0);
    expect(clocks()).toEqual(before);
  });

  it('does not follow itself', async () => {
    await record(misused({ jti: 'j' }));
    const { position, raised } = await follower.catchUp();
    expect(raised).toBeGreaterThan(0);
    expect(position).toBe(await ledger.head());
    expect(await follower.catchUp()).toEqual({ position, raised: 0, amended: 0, withdrawn: 0 });
  });

  it('goes on after facts that came while it spoke', async () => {
    await record(misused({ jti: 'j' }));
    const append = ledger.appendMany.bind(ledger);
    ledger.appendMany = async (appends) => {
      ledger.appendMany = append;
      await record(misused({ jti: 'between' }, 5));
      return append(appends);
    };
    const { position } = await follower.catchUp();
    expect(position).toBeLessThan(await ledger.head());
    expect(await stored()).toBeUndefined();
    await follower.catchUp();
    expect(await stored()).toEqual(await whole());
    expect(told().filter(({ type }) => type !== 'raised')).toEqual([]);
  });

  it('takes nobody else’s word for a conclusion', async () => {
    await record(misused({ jti: 'j' }));
    await follower.catchUp();
    const found = (await stored())!.find(({ rule }) => rule === 'D6')!;
    const { subject: _subject, ...other } = fact('token.observed', {
      source: 'kong',
      data: { raw: ['forged'], finding: found },
    });
    const forged = { ...other, subject: found.id, type: 'tallystick.finding.withdrawn.v1' };
    const [revision] = await ledger.revisionsOf([`finding-${found.id}`]);
    const id = '00000000-0000-4000-9000-000000000000';
    await ledger.append(`finding-${found.id}`, [{ id, type: forged.type, data: storedJson(forged) }], revision!);
    await follower.catchUp();
    expect((await stored())!).toContainEqual(found);
    expect(await stored()).toEqual(await whole());
    // It stands between ours, and holds nothing up.
    await record(...aliased({ jti: 'j', tok: 't' }), misused({ jti: 'j' }, 9));
    await follower.catchUp();
    expect(await stored()).toEqual(await whole());
    const ours = told().filter(({ source, data }) => source === 'tally' && data.finding.id === found.id);
    expect(ours.map(({ type }) => type)).toEqual(['raised', 'amended']);
  });

  it('takes a step back that was stopped, and does it again', async () => {
    await record(misused({ jti: 'j' }));
    const head = await ledger.head();
    expect(await follower.catchUp({ signal: AbortSignal.abort() })).toMatchObject({ position: 0n, raised: 0 });
    expect(await ledger.head()).toBe(head);
    await follower.catchUp();
    expect(await stored()).toEqual(await whole());
  });

  it('begins again beside another ledger, and where its file is no longer one of its own', async () => {
    await record(misused({ jti: 'j' }));
    await follower.catchUp();
    await follower.close();
    const { writeFileSync } = await import('node:fs');
    expect(existsSync(file())).toBe(true);
    writeFileSync(file(), 'no database');
    follower = follow();
    expect(await follower.catchUp()).toMatchObject({ raised: 0, amended: 0, withdrawn: 0 });
    expect(await stored()).toEqual(await whole());
  });
});
