import type { Name } from '../names.js';
import type { InputNote, Notes } from '../notes.js';
import type { Finding, Severity } from '../view.js';
import type { Watermarks } from '../watermarks.js';
import { at, finding, findingId, type FindingContext } from './context.js';

/** Findings about what sources send. Anchor: source + field, or field + token where each token matters. */
export function inputFindings(context: FindingContext): Finding[] {
  const { view, state, watermarks, T } = context;
  return [
    ...findingsOfNotes(state.notes, [view.name], watermarks, T),
    ...expiryFindings(context),
    ...audienceFindings(context),
  ];
}

/** Findings about a token wait for everybody who speaks of it. */
function isProvisional({ view, watermarks }: FindingContext): boolean {
  const sources = new Set([...view.uses.map((use) => use.source), ...watermarks.issuersOf(view.issuer)]);
  return !watermarks.reached(sources, view.firstSeen);
}

function expiryFindings(context: FindingContext): Finding[] {
  const { view, T } = context;
  const { expiry } = view;
  if (expiry.kind === 'at' && expiry.flags.includes('unit-suspect')) {
    return [
      finding('expiry-unit-suspect', ['exp', view.name], {
        kind: 'expiry unit suspect',
        severity: 'medium',
        provisional: isProvisional(context),
        tokens: [view.name],
        summary: `exp ${String(expiry.raw)} was read in ${unitWords(expiry.unit)}: ${strictly(expiry.unit)}`,
        evidence: { raw: expiry.raw, unit: expiry.unit, readAs: at(expiry.at!), issuer: view.issuer ?? null },
      }),
    ];
  }
  if (expiry.kind !== 'never' || view.kind === 'consumer') return [];
  const uses = view.uses.filter((use) => use.outcome === 'accepted' && use.shadow !== true);
  const lastUse = uses.length === 0 ? undefined : Math.max(...uses.map((use) => use.last));
  const since = view.birth ?? view.firstSeen;
  const lastShown = lastUse === undefined ? null : at(lastUse);
  return [
    finding('never-expires', ['exp', view.name], {
      kind: 'never expires',
      severity: 'low',
      provisional: isProvisional(context),
      tokens: [view.name],
      summary: summaryOfAge(T - since, lastShown),
      evidence: {
        raw: expiry.raw,
        birth: view.birth === undefined ? null : at(view.birth),
        since: at(since),
        ageMs: T - since,
        lastUse: lastShown,
      },
    }),
  ];
}

function summaryOfAge(ageMs: number, lastUse: string | null): string {
  const used = lastUse === null ? 'never used' : `last used ${lastUse}`;
  return `no expiry; ${Math.floor(ageMs / 86_400_000)} days old, ${used}`;
}

/** A finding as told at T: only an age grows while no fact comes. `T` undefined: without an age, to compare. */
export function agedTo(finding: Finding, T: number | undefined): Finding {
  const { since, lastUse } = finding.evidence;
  if (finding.rule !== 'never-expires' || typeof since !== 'string') return finding;
  const ageMs = T === undefined ? 0 : T - Date.parse(since);
  const summary = summaryOfAge(ageMs, typeof lastUse === 'string' ? lastUse : null);
  return { ...finding, summary, evidence: { ...finding.evidence, ageMs } };
}

function audienceFindings(context: FindingContext): Finding[] {
  const { view, world } = context;
  const kind = view.audiences?.kind;
  const required = view.issuer !== undefined && world.settings.issuers[view.issuer]?.audienceRequired === true;
  const isAccess = view.kind === 'access' || view.kind === 'unknown';
  const invalid = kind === 'invalid';
  const missing = required && isAccess && (kind === 'none' || (view.audiences === undefined && view.verifiedClaims));
  if (!invalid && !missing) return [];
  return [
    finding('audience', ['aud', view.name], {
      kind: invalid ? 'audience invalid' : 'audience missing',
      severity: invalid ? 'low' : 'medium',
      provisional: isProvisional(context),
      tokens: [view.name],
      summary: invalid
        ? `aud is neither a string nor a list of strings; kept as ${view.audiences!.raw ?? 'it was'}`
        : `no audience, and the settings ask for one in access tokens of ${view.issuer}`,
      evidence: { raw: view.audiences?.raw ?? null, issuer: view.issuer ?? null },
    }),
  ];
}

/**
 * What facts show of their sources, of a token or of the world.
 * @param tokens the token that the notes are of, if any.
 */
export function findingsOfNotes(notes: Notes, tokens: Name[], watermarks: Watermarks, T: number): Finding[] {
  const out: Finding[] = [];
  for (const note of notes.values()) {
    if (note.first > T && note.what !== 'future') continue;
    const found = ofNote(note, notes, tokens, watermarks);
    if (found !== undefined) out.push(found);
  }
  return out;
}

function ofNote(note: InputNote, notes: Notes, tokens: Name[], watermarks: Watermarks): Finding | undefined {
  const base = (
    rule: string,
    anchor: string[],
    kind: string,
    severity: Severity,
    summary: string,
    evidence = {},
  ): Finding =>
    finding(rule, anchor, {
      kind,
      severity,
      // A line from the future finalises nothing, but that it came is certain.
      provisional: note.what !== 'future' && !watermarks.reached([note.source], note.first),
      tokens,
      summary,
      evidence: { source: note.source, field: note.field, first: at(note.first), last: at(note.last), ...evidence },
    });
  switch (note.what) {
    case 'claimed':
      return base(
        'claimed',
        [note.source, note.field],
        'claimed without authority',
        'medium',
        `${note.source} stated ${note.field} outside its authority: kept, without effect`,
      );
    case 'future':
      return base(
        'future-dated',
        [note.source, note.field],
        'future-dated',
        'low',
        `${note.source} sent a line dated later than it arrived: kept, and it finalises nothing`,
      );
    case 'raw':
      return base(
        'raw-credentials',
        [note.source, note.field],
        'source sends raw credentials',
        'high',
        `${note.source} sends credentials in clear in ${note.field}; they were removed before anything was stored`,
      );
    case 'conflicting': {
      const variants = [...notes.values()]
        .filter((n) => n.what === 'conflicting' && n.field === note.field)
        .map((n) => n.detail)
        .sort();
      return base(
        'conflicting-duplicate',
        [note.source, note.field],
        'conflicting duplicate',
        'medium',
        `${note.source} used one record id for different content: every variant is kept, restrictive ones take effect`,
        { record: note.field, variants },
      );
    }
    case 'note':
      return ofAdapterNote(note, base);
    default:
      return undefined;
  }
}

function ofAdapterNote(
  note: InputNote,
  base: (rule: string, anchor: string[], kind: string, severity: Severity, summary: string) => Finding,
): Finding | undefined {
  const [field = '', what = ''] = note.field.split(':');
  if (what === 'integer') {
    return base(
      'unusable-name',
      [note.source, note.field],
      'name is a number',
      'info',
      `${note.source} sends ${field} as a number; it was read as its digits`,
    );
  }
  if (what === 'not-a-name') {
    return base(
      'unusable-name',
      [note.source, note.field],
      'value names nothing',
      'medium',
      `${note.source} sends a ${field} that cannot name anything; the token is named otherwise`,
    );
  }
  return undefined;
}

/** What a validator makes of it that takes the value at its word. */
function strictly(unit: string): string {
  return unit === 's'
    ? 'a validator that reads the unit which its source declares takes this token for long expired'
    : 'a strict validator reads seconds and will accept this token for tens of thousands of years';
}

function unitWords(unit: string): string {
  return { ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds', s: 'seconds' }[unit] ?? unit;
}

/**
 * Issuers spelled otherwise (MODEL §1.2): two that differ by scheme, case of the host, default port or a last slash
 * alone. They are compared byte for byte everywhere else. Takes every issuer that the ledger shows.
 */
export function issuerSpellings(issuers: Iterable<string>): Finding[] {
  const byShape = new Map<string, Set<string>>();
  for (const issuer of issuers) {
    const shape = issuerShape(issuer);
    byShape.set(shape, (byShape.get(shape) ?? new Set()).add(issuer));
  }
  const out: Finding[] = [];
  for (const [shape, spellings] of byShape) {
    if (spellings.size < 2) continue;
    const sorted = [...spellings].sort();
    out.push({
      id: findingId('issuer-spelling', shape),
      rule: 'issuer-spelling',
      kind: 'issuer spelled otherwise',
      severity: 'medium',
      provisional: false,
      tokens: [],
      summary: `${sorted.join(' and ')} differ in spelling alone and count as different issuers; a mapping in the source profile joins them`,
      evidence: { issuers: sorted },
    });
  }
  return out;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

function issuerShape(issuer: string): string {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/]*)(.*)$/is.exec(issuer);
  const port = DEFAULT_PORTS[(match?.[1] ?? 'https').toLowerCase()];
  const host = (match?.[2] ?? '').toLowerCase();
  const bare = port !== undefined && host.endsWith(port) ? host.slice(0, -port.length) : host;
  return bare + (match?.[3] ?? '').replace(/\/$/, '');
}
