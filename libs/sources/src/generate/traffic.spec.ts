import { describe, expect, it } from '@jest/globals';
import { FORMATS } from '#lifecycle';
import { detectFormat } from '../detect.js';
import { historyOf, nameOfIdentity, readLine } from '../replaying.js';
import { demoTraffic, FAULT_NAMES, generateBenchLines, generateTraffic, type TrafficOptions } from './index.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 10, 9);
const options: TrafficOptions = { seed: 7, sessions: 120, minutes: 60 };
const END = START + 60 * MINUTE;

describe('generated traffic', () => {
  it('is the same for the same seed, and another for another', () => {
    const text = (seed: number) => [...generateTraffic({ ...options, seed }).lines].map((line) => line.line).join('\n');
    expect(text(7)).toBe(text(7));
    expect(text(8)).not.toBe(text(7));
  });

  it('comes in order of time, in every format, each line detected as its own and read', () => {
    const { lines, truth, settings } = generateTraffic(options);
    const all = [...lines];
    const kinds = { facts: 0, ignored: 0, rejected: 0 };
    let last = -Infinity;
    for (const line of all) {
      expect(line.at).toBeGreaterThanOrEqual(last);
      last = line.at;
      expect(detectFormat(JSON.parse(line.line))).toBe(line.format);
      kinds[readLine(line, settings).kind]++;
    }
    expect(new Set(all.map((line) => line.format))).toEqual(new Set(FORMATS));
    expect(all.length).toBe(truth.records);
    expect(kinds).toEqual({ facts: truth.records - truth.ignored, ignored: truth.ignored, rejected: 0 });
    expect(truth.duplicates).toBeGreaterThan(0);
    expect(truth.ignored).toBeGreaterThan(0);
  });

  it('needs an issuer and a gateway, and time for its faults', () => {
    expect(() => generateTraffic({ ...options, formats: ['kong'] })).toThrow(RangeError);
    expect(() => generateTraffic({ ...options, minutes: 20 })).toThrow(RangeError);
    expect(
      [...generateTraffic({ ...options, minutes: 20, faults: false, formats: ['okta', 'envoy'] }).lines].length,
    ).toBeGreaterThan(0);
  });

  it('carries no version and no deployment where asked for none', () => {
    const { lines, truth } = generateTraffic({ ...options, deployments: false });
    expect([...lines].some((line) => /v4[12]/.test(line.line) && line.source !== 'edge')).toBe(false);
    expect(truth.versions).toEqual([]);
  });
});

describe('the truth beside it', () => {
  const { lines, truth, settings } = generateTraffic(options);
  const { history, facts } = historyOf(lines, settings, END);

  it('knows how many records are distinct', () => {
    const records = new Set(
      facts.filter((fact) => !/settings|aliased/.test(fact.type)).map(({ record }) => record.key + record.digest),
    );
    expect(records.size).toBe(truth.records - truth.ignored - truth.duplicates);
  });

  it.each([10, 25, 35, 59])('gives each token the status that the ledger comes to after %i minutes', (minutes) => {
    const at = START + minutes * MINUTE;
    const wrong: string[] = [];
    for (const token of truth.tokens.values()) {
      const view = history.view(nameOfIdentity(token), { T: at });
      const expected = truth.statusOf(token, at);
      if (view?.status !== expected) wrong.push(`${token.key}: ${view?.status}, in truth ${expected}`);
    }
    expect(wrong).toEqual([]);
  });

  it('gives each token the expiry and the grant that the ledger comes to', () => {
    const wrong: string[] = [];
    const families = new Map<string, string>();
    for (const token of truth.tokens.values()) {
      const view = history.view(nameOfIdentity(token), { T: END })!;
      const expiry = view.expiry.kind === 'at' ? view.expiry.at : view.expiry.kind;
      if (expiry !== token.expiry) wrong.push(`${token.key}: expires ${expiry}, in truth ${token.expiry}`);
      if (token.family === undefined) continue;
      const label = families.get(token.family);
      if (label === undefined) families.set(token.family, view.family ?? '');
      else if (label !== view.family) wrong.push(`${token.key}: not in ${token.family}`);
    }
    expect(wrong).toEqual([]);
    expect(new Set(families.values()).size).toBe(families.size);
  });

  it('has no token too many', () => {
    const known = new Set([...truth.tokens.values()].map(nameOfIdentity));
    const extra = [...history.views({ T: END })].filter(
      ({ view }) => view.kind !== 'consumer' && !known.has(view.name),
    );
    expect(extra.map(({ view }) => view.name)).toEqual([]);
  });

  it('tells what each fault must lead to, and nothing else is found', () => {
    const found = [...history.findings({ T: END })];
    const expected = truth.findings.map(({ rule, severity, kind, token }) => ({
      rule,
      ...(severity !== undefined && { severity }),
      ...(kind !== undefined && { kind }),
      ...(token !== undefined && rule !== 'D17' && { tokens: expect.arrayContaining([nameOfIdentity(token)]) }),
    }));
    for (const finding of expected) expect(found).toContainEqual(expect.objectContaining(finding));
    const rules = (list: { rule: string }[]) => list.map((finding) => finding.rule).sort();
    expect(rules(found)).toEqual(rules(truth.findings));
  });
});

describe('the demo', () => {
  it('tells of a bad deployment: v42 refuses day tokens that v41 takes', () => {
    const { lines, truth } = demoTraffic();
    const all = [...lines];
    expect(all.length).toBeGreaterThan(2000);
    expect(all.length).toBeLessThan(9000);
    expect(new Set(all.map((line) => line.format)).size).toBe(6);
    const refused = truth.wronglyRefused('v42', START + 110 * MINUTE);
    expect(refused.length).toBeGreaterThan(5);
    expect(
      refused.every((token) => token.uses.some((use) => use.version === 'v41' && use.outcome === 'accepted')),
    ).toBe(true);
    expect(truth.wronglyRefused('v42', START + 59 * MINUTE)).toEqual([]);
    expect(truth.expectedRollback('v42', START + 110 * MINUTE, MINUTE)).toEqual({ restore: 10, revoke: 12 });
  });
});

describe('faults', () => {
  it.each(FAULT_NAMES.filter((name) => name !== 'duplicates' && name !== 'exchange'))(
    '%s alone makes its finding',
    (fault) => {
      const { lines, truth } = generateTraffic({ seed: 1, sessions: 0, minutes: 60, faults: [fault] });
      expect([...lines].length).toBeGreaterThan(0);
      expect(truth.findings.length).toBe(1);
    },
  );
});

describe('benchmark lines', () => {
  it('are the same for the same seed, detected and read, at most 1.3 facts a record', () => {
    const take = () => [...generateBenchLines({ seed: 3, records: 5000 })];
    const lines = take();
    expect(take()).toEqual(lines);
    expect(lines.length).toBe(5000);
    const { settings } = generateTraffic({ seed: 1, sessions: 0, faults: false });
    let facts = 0;
    for (const { format, line } of lines) {
      expect(detectFormat(JSON.parse(line))).toBe(format);
      const reading = readLine({ at: 0, format, source: format as 'kong' | 'keycloak', line }, settings);
      if (reading.kind === 'facts') facts += reading.drafts.length;
    }
    expect(facts / lines.length).toBeGreaterThan(1.05);
    expect(facts / lines.length).toBeLessThan(1.3);
  });
});
