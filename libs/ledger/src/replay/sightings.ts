import { DEFAULT_THRESHOLDS, isOwnConclusion, SourceClocks } from '#lifecycle';
import type { Position } from '../port.js';
import type { LedgerScan } from '../embedded/scan.js';

/** When a version was seen stamped on the lines of one source, gateway and region; in ms, first and last inclusive. */
export interface Sighting {
  source: string;
  version: string;
  gateway: string | undefined;
  region: string | undefined;
  first: number;
  last: number;
}

/**
 * The head of a stored fact, whose fields stand in a fixed order (`storedJson`): enough for clocks and versions, at a
 * tenth of the cost of parsing. The names hold no brace, and texts before them no unescaped quote.
 */
const HEAD =
  /^\{"source":"((?:[^"\\]|\\.)*)","tenant":"((?:[^"\\]|\\.)*)","subject":"(?:[^"\\]|\\.)*","time":(-?\d+),"names":\{[^}]*\}(?:,"version":"((?:[^"\\]|\\.)*)")?(?:,"gateway":"((?:[^"\\]|\\.)*)")?(?:,"region":"((?:[^"\\]|\\.)*)")?/;

/**
 * What every fact of a ledger prefix says of its source's clock and of the version that it passed. It only grows, so
 * a later prefix goes on where an earlier one stopped.
 */
export class Sightings {
  readonly clocks = new SourceClocks();
  readonly versions = new Map<string, Sighting>();
  private covered: Position = 0n;
  private readonly tenantJson: string;

  constructor(tenant: string) {
    this.tenantJson = JSON.stringify(tenant).slice(1, -1);
  }

  /** Reads on up to a position. */
  extend(scan: LedgerScan, to: Position): this {
    if (to <= this.covered) return this;
    for (const row of scan.scanAll({ after: this.covered, to })) this.add(row.type, row.data, row.recordedAt);
    this.covered = to;
    return this;
  }

  get position(): Position {
    return this.covered;
  }

  private add(type: string, data: string, recordedAt: number): void {
    const match = HEAD.exec(data);
    if (match === null || match[2] !== this.tenantJson) return;
    const source = text(match[1]!);
    if (isOwnConclusion({ type, source })) return;
    const time = Number(match[3]);
    this.clocks.note(source, time, recordedAt);
    // A line from the future says nothing of when its version served (MODEL §4.4).
    if (match[4] === undefined || time > recordedAt + DEFAULT_THRESHOLDS.futureSlack) return;
    const key = `${match[1]}\t${match[4]}\t${match[5] ?? ''}\t${match[6] ?? ''}`;
    const known = this.versions.get(key);
    if (known !== undefined) {
      if (time < known.first) known.first = time;
      if (time > known.last) known.last = time;
      return;
    }
    this.versions.set(key, {
      source,
      version: text(match[4]),
      gateway: match[5] === undefined ? undefined : text(match[5]),
      region: match[6] === undefined ? undefined : text(match[6]),
      first: time,
      last: time,
    });
  }
}

/** Whose fact a stored text is, and when it was true, without parsing it; undefined for what is no fact. */
export function headOf(data: string): { source: string; tenant: string; time: number } | undefined {
  const match = HEAD.exec(data);
  return match === null ? undefined : { source: text(match[1]!), tenant: text(match[2]!), time: Number(match[3]) };
}

function text(escaped: string): string {
  return escaped.includes('\\') ? (JSON.parse(`"${escaped}"`) as string) : escaped;
}
