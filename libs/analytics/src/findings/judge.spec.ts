import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { agedTo, History, MemorySource, type Finding, type RecordedFact } from '#lifecycle';
import { T0 } from '../../../lifecycle/src/testing.js';
import { FindingsStore } from './findings-store.js';
import { Judge } from './judge.js';
import { mergedFinding } from './merged.js';
import type { TenantFindings } from './tenant-findings.js';
import { tellingFacts } from './testing.js';

const DAY = 86_400_000;

/** Judges a list of facts in steps, as the follower does a ledger. */
class Steps {
  readonly store = FindingsStore.open(':memory:');
  readonly tenant: TenantFindings = this.store.of('default');
  // So many streams that units are judged one by one, and each is long enough to be kept.
  private readonly judge = new Judge(this.tenant, () => 1e9, 1);
  private done = 0;

  constructor(private readonly facts: readonly RecordedFact[]) {}

  /** @param anew in a process that was started for it: it builds the history up to the last step again. */
  to(n: number, T: number, anew = false): void {
    const source = new MemorySource(this.facts.slice(0, n));
    const before = new MemorySource(this.facts.slice(0, this.done));
    const conflicts = source.conflictKeys().size > before.conflictKeys().size;
    if (anew) this.judge.forget();
    const facts = this.facts.slice(this.done, n);
    const turns = this.judge.judge({ facts, conflicts, source, before: () => before, T });
    while (turns.next().done !== true);
    this.done = n;
  }

  found(): Record<string, unknown> {
    return byId(this.tenant.ids().map((id) => mergedFinding(this.tenant.partsOf(id))));
  }
}

function byId(findings: readonly (Finding | undefined)[]): Record<string, unknown> {
  return Object.fromEntries(findings.map((each) => [each?.id, JSON.parse(JSON.stringify(each))]));
}

function whole(facts: readonly RecordedFact[], T: number): Record<string, unknown> {
  return byId(new History(new MemorySource(facts)).findings({ T }).map((finding) => agedTo(finding, undefined)));
}

interface Batch {
  size: number;
  /** How far the clock goes before it. */
  forth: number;
  anew: boolean;
}
const batches: fc.Arbitrary<Batch[]> = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 5 }),
    forth: fc.constantFrom(0, 1, 30_000, 3_600_000, 40 * DAY),
    anew: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Holds the findings against those of the whole history after each batch, and after time has passed. */
function holds(facts: readonly RecordedFact[], cut: readonly Batch[], spoil: (tenant: TenantFindings) => void): void {
  const steps = new Steps(facts);
  spoil(steps.tenant);
  try {
    let n = 0;
    let T = T0 + 5000;
    for (let i = 0; n < facts.length; i++) {
      const { size, forth, anew } = cut[i % cut.length]!;
      n = Math.min(facts.length, n + size);
      T += forth;
      steps.to(n, T, anew);
      expect(steps.found()).toEqual(whole(facts.slice(0, n), T));
    }
    T += 100 * DAY;
    steps.to(n, T);
    expect(steps.found()).toEqual(whole(facts, T));
  } finally {
    steps.store.close();
  }
}

function property(spoil: (tenant: TenantFindings) => void = () => undefined) {
  return fc.property(tellingFacts, batches, (facts, cut) => holds(facts, cut, spoil));
}

describe('findings judged step by step', () => {
  it('are those of the whole history after each step, however it is cut', () => {
    fc.assert(property(), { numRuns: Number(process.env['RUNS'] ?? 500), seed: Number(process.env['SEED'] ?? 11) });
  }, 3_000_000);

  it.each<[string, (tenant: TenantFindings) => void]>([
    ['those that look at a token', (tenant) => (tenant.unitsLookingAt = () => [])],
    ['those that a fence or a key names', (tenant) => (tenant.unitsMarked = () => [])],
    ['those that turn by time', (tenant) => (tenant.unitsTurnedBy = () => [])],
    ['those that wait for a source', (tenant) => (tenant.unitsAsking = () => [])],
    ['those whose family has one more', (tenant) => (tenant.hasParts = () => false)],
  ])(
    'would be seen to be wrong if a step forgot %s',
    (_what, spoil) => {
      const { failed } = fc.check(property(spoil), { numRuns: 3000, seed: 3, endOnFailure: true });
      expect(failed).toBe(true);
    },
    300_000,
  );
});
