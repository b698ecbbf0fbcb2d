import { OBSERVATIONS, type Expiry } from '#lifecycle';
import type { Draft, Reading } from '#sources';

/** A record that states facts, as an adapter read it. */
export type FactsReading = Extract<Reading, { kind: 'facts' }>;

const SUMMED: ReadonlySet<string> = new Set(['count', 'firstAt', 'lastAt', 'membersDigest']);
/** Fields of a use's data that say something of the token itself. */
const OF_TOKEN = Object.keys(OBSERVATIONS['token.expired'].shape).sort();
/** Every field that answers can depend on; what a source sends beyond them folds to nothing. */
const KNOWN: ReadonlySet<string> = new Set(
  Object.keys(OBSERVATIONS['token.validated'].shape).filter((field) => !SUMMED.has(field)),
);

/**
 * The one use that a record states, if it states nothing else that a summary would lose: accepted or refused, not a
 * summary itself, and without a proof that has an id (each of those is held against all others, D4).
 */
export function plainUseOf({ drafts }: FactsReading): Draft | undefined {
  const [draft] = drafts;
  if (draft === undefined || drafts.length > 1) return undefined;
  if (draft.type !== 'token.validated' && draft.type !== 'token.rejected') return undefined;
  const { data } = draft;
  for (const field of SUMMED) if (data[field] !== undefined) return undefined;
  const proof = data['proof'] as { id?: unknown } | undefined;
  return proof?.id === undefined ? draft : undefined;
}

/** Where a use lies between the issue time and the expiry that its line shows: no summary reaches over either. */
export function segmentOf({ time, data }: Draft): number {
  const iat = data['iat'];
  const expiry = data['expiry'] as Expiry | undefined;
  const early = typeof iat === 'number' && time < iat;
  const late = expiry?.kind === 'at' && expiry.at !== undefined && time >= expiry.at;
  return (early ? 1 : 0) + (late ? 2 : 0);
}

/** The draft with the known fields alone: what its summary says of every member. */
export function knownOnly(draft: Draft): Draft {
  const data: Record<string, unknown> = {};
  for (const field in draft.data) if (KNOWN.has(field)) data[field] = draft.data[field];
  return { ...draft, data };
}

/**
 * Whether a use differs from a known one in nothing that the fold looks at, but time.
 * @param known as `knownOnly` gives it.
 */
export function isSameUse(known: Draft, use: Draft): boolean {
  return (
    known.version === use.version &&
    known.gateway === use.gateway &&
    known.type === use.type &&
    known.region === use.region &&
    known.api === use.api &&
    isSameJson(known.names, use.names) &&
    isSameData(known.data, use.data)
  );
}

function isSameData(known: Record<string, unknown>, data: Record<string, unknown>): boolean {
  let fields = 0;
  for (const field in data) {
    if (!KNOWN.has(field)) continue;
    fields++;
    const a = known[field];
    const b = data[field];
    if (a !== b && !isSameJson(a, b)) return false;
  }
  for (const _field in known) fields--;
  return fields === 0;
}

function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && isSameList(a, b);
  let fields = 0;
  for (const field in a) {
    fields++;
    const x = (a as Record<string, unknown>)[field];
    const y = (b as Record<string, unknown>)[field];
    if (x !== y && !isSameJson(x, y)) return false;
  }
  for (const _field in b) fields--;
  return fields === 0;
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !isSameJson(a[i], b[i])) return false;
  return true;
}

/** One text for uses that are the same but for their time; another for others. */
export function textOfUse(draft: Draft): string {
  const { type, version, gateway, region, api, names, data } = draft;
  const said = (field: string): unknown => data[field] ?? null;
  const fields = [...KNOWN].map(said);
  return JSON.stringify([type, version, gateway, region, api, sorted(names), fields]);
}

/** What a use says of its token: names and claims, not who presented it where. */
export function textOfToken({ names, data }: Draft): string {
  const { net: _net, ...others } = names;
  return JSON.stringify([sorted(others), OF_TOKEN.map((field) => data[field] ?? null)]);
}

function sorted(names: object): [string, unknown][] {
  return Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1));
}
