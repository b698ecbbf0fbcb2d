import { EmbeddedLedger, LedgerScan, type StreamAppend } from '#ledger';
import type { Finding } from '#lifecycle';
import { appendOf } from '../../../../libs/analytics/src/findings/finding-events.js';
import { lifeOf, settingsAppend } from '../../../../libs/analytics/src/testing.js';
import { T0 } from '../../../../libs/lifecycle/src/testing.js';

const DAY = 86_400_000;

/** A ledger that somebody else writes: facts of every kind, findings, and somewhere the settings by which they count. */
export class GrowingLedger {
  /** Positions of facts and of findings, ascending. */
  readonly positions: Record<'facts' | 'findings', number[]> = { facts: [], findings: [] };
  private readonly appends: StreamAppend[];
  private written = 0;

  private constructor(
    private readonly ledger: EmbeddedLedger,
    readonly scan: LedgerScan,
    private readonly random: () => number,
  ) {
    this.appends = lifeOf(20 + Math.floor(random() * 40));
    for (let i = 0; i < 4; i++) this.insert(finding(i));
    this.insert(settingsAppend());
  }

  static open(file: string, random: () => number): GrowingLedger {
    let now = 1.8e12;
    // Months end within batches.
    const clock = (): number => (now += random() < 0.1 ? 20 * DAY : 1);
    const ledger = EmbeddedLedger.open(file, { access: 'write', clock });
    return new GrowingLedger(ledger, LedgerScan.open(file), random);
  }

  get length(): number {
    return this.written;
  }

  /** Grows by a step. */
  async grow(): Promise<void> {
    await this.growTo(this.written + 1 + Math.floor(this.random() * 12));
  }

  growToEnd(): Promise<void> {
    return this.growTo(this.appends.length);
  }

  async close(): Promise<void> {
    this.scan.close();
    await this.ledger.close();
  }

  private async growTo(end: number): Promise<void> {
    const some = this.appends.slice(this.written, end);
    this.written += some.length;
    if (some.length === 0) return;
    const outcomes = await this.ledger.appendMany(some);
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok || !outcome.written) throw new Error(`the ledger did not take event ${i} of a step`);
      const isFinding = some[i]!.events[0]!.type.startsWith('tallystick.finding.');
      this.positions[isFinding ? 'findings' : 'facts'].push(Number(outcome.position));
    });
  }

  private insert(append: StreamAppend): void {
    this.appends.splice(Math.floor(this.random() * this.appends.length), 0, append);
  }
}

function finding(n: number): StreamAppend {
  const told: Finding = {
    id: `finding-${n}`,
    rule: 'simulated',
    kind: 'simulated',
    severity: 'info',
    provisional: false,
    tokens: [],
    summary: `simulated ${n}`,
    evidence: {},
  };
  return appendOf('default', { type: 'finding.raised', finding: told, revision: 0n }, T0);
}
