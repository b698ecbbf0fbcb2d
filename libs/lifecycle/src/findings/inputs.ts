import type { InputNote } from '../state.js';
import type { Finding, Severity } from '../view.js';
import { at, finding, findingId, type FindingContext } from './context.js';

/** Findings about what sources send. Anchor: source + field, with the token where each token matters. */
export function inputFindings(context: FindingContext): Finding[] {
  const { view, state, watermarks } = context;
  const out: Finding[] = [];
  const settled = (source: string, instant: number): boolean => !watermarks.reached([source], instant);
  for (const note of state.notes.values()) {
    if (note.first > context.T && note.what !== 'future') continue;
    const found = ofNote(note, context);
    if (found !== undefined) out.push(found);
  }
  const uses = view.uses.filter((use) => use.outcome === 'accepted');
  const lastUse = uses.length === 0 ? undefined : Math.max(...uses.map((use) => use.last));
  const source = view.uses[0]?.source ?? 'unknown';
  if (view.expiry.kind === 'at' && view.expiry.flags.includes('unit-suspect')) {
    out.push(
      finding('expiry-unit-suspect', [source, 'exp', view.name], {
        kind: 'expiry unit suspect',
        severity: 'medium',
        provisional: settled(source, view.firstSeen),
        tokens: [view.name],
        summary: `exp ${String(view.expiry.raw)} was read in ${unitWords(view.expiry.unit)}: a strict validator reads seconds and will accept this token for tens of thousands of years`,
        evidence: {
          raw: view.expiry.raw,
          unit: view.expiry.unit,
          readAs: at(view.expiry.at!),
          issuer: view.issuer ?? null,
        },
      }),
    );
  }
  if (view.expiry.kind === 'never' && view.kind !== 'consumer') {
    out.push(
      finding('never-expires', [source, 'exp', view.name], {
        kind: 'never expires',
        severity: 'low',
        provisional: settled(source, view.firstSeen),
        tokens: [view.name],
        summary: `no expiry; ${Math.floor((context.T - (view.birth ?? view.firstSeen)) / 86_400_000)} days old, ${lastUse === undefined ? 'never used' : `last used ${at(lastUse)}`}`,
        evidence: {
          raw: view.expiry.raw,
          birth: view.birth === undefined ? null : at(view.birth),
          ageMs: context.T - (view.birth ?? view.firstSeen),
          lastUse: lastUse === undefined ? null : at(lastUse),
        },
      }),
    );
  }
  out.push(...audienceFindings(context, source));
  return out;
}

function audienceFindings({ view, world, watermarks }: FindingContext, source: string): Finding[] {
  const kind = view.audiences?.kind;
  const required = view.issuer !== undefined && world.settings.issuers[view.issuer]?.audienceRequired === true;
  const isAccess = view.kind === 'access' || view.kind === 'unknown';
  const invalid = kind === 'invalid';
  const missing = required && isAccess && (kind === 'none' || (view.audiences === undefined && view.verifiedClaims));
  if (!invalid && !missing) return [];
  return [
    finding('audience', [source, 'aud', view.name], {
      kind: invalid ? 'audience invalid' : 'audience missing',
      severity: invalid ? 'low' : 'medium',
      provisional: !watermarks.reached([source], view.firstSeen),
      tokens: [view.name],
      summary: invalid
        ? `aud is neither a string nor a list of strings; kept as ${view.audiences!.raw ?? 'it was'}`
        : `no audience, and the settings ask for one in access tokens of ${view.issuer}`,
      evidence: { raw: view.audiences?.raw ?? null, issuer: view.issuer ?? null },
    }),
  ];
}

function ofNote(note: InputNote, { view, watermarks, state }: FindingContext): Finding | undefined {
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
      provisional: note.what !== 'future' && !watermarks.reached([note.source], note.first),
      tokens: [view.name],
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
      const variants = [...state.notes.values()]
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

function issuerShape(issuer: string): string {
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/]*)(.*)$/is.exec(issuer.trim());
  const host = (match?.[1] ?? '').toLowerCase().replace(/:(80|443)$/, '');
  return host + (match?.[2] ?? '').replace(/\/+$/, '');
}
