import { NEVER, NO_TIME, NO_UUID } from './names-sql.js';
import type { PageShape } from './asked.js';

/** Kinds of onset as bits of what is known of a token at the cut; from ROTATED on they are ends. */
export const BITS = {
  issued: 1,
  accepted: 2,
  refused: 4,
  observed: 8,
  /** A suspension or its end: the token is known, and nothing else. */
  stated: 16,
  expired: 32,
  rotated: 64,
  consumed: 128,
  revoked: 256,
  compromised: 512,
} as const;

const ONSETS = [
  'issued',
  'accepted',
  'refused',
  'observed',
  'expired',
  'rotated',
  'consumed',
  'revoked',
  'compromised',
] as const;
const BIT = `transform(toString(kind), [${ONSETS.map((kind) => `'${kind}'`).join(', ')}], [${ONSETS.map((kind) => BITS[kind]).join(', ')}], 0)`;

/** The instant up to which a fact counts (MODEL §7.3): T, or its gateway's own cut. */
function until({ hasGateways }: PageShape): string {
  return hasGateways
    ? 'transform(toString(gateway), {gateways:Array(String)}, {gatewayCuts:Array(Int64)}, {T:Int64})'
    : '{T:Int64}';
}

const IN_PAGE = (name: string): string =>
  `toUInt128(${name}) >= {from:UInt128} AND toUInt128(${name}) < {before:UInt128}`;

/** Aliases of this page's tokens: which tok stands for which center. */
const LEAVES = `SELECT DISTINCT toUInt128(tok) AS leaf, toUInt128(center) AS center FROM {db}.name_pairs
  WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND speaker NOT IN {claimed:Array(UInt64)} AND ${IN_PAGE('center')}`;

/**
 * Rows of a table by token: those under the token's own name, and those under the tok that stands for it.
 * @param columns what is selected of each row, beside `n`, the token's name.
 */
function byToken(
  { contested }: Pick<PageShape, 'contested'>,
  from: string,
  name: string,
  columns: string,
  where: string,
): string {
  const own = `SELECT toUInt128(${name}) AS n, ${columns} FROM ${from} WHERE tenant = {tenant:String} AND ${IN_PAGE(name)} AND ${where}`;
  if (!contested.hasPairs) return own;
  return `${own}
    UNION ALL
    SELECT leaves.center AS n, ${columns} FROM (SELECT * FROM ${from} WHERE tenant = {tenant:String} AND toUInt128(${name}) IN (SELECT leaf FROM (${LEAVES})) AND ${where}) AS rows
    INNER JOIN (${LEAVES}) AS leaves ON toUInt128(rows.${name}) = leaves.leaf`;
}

const UNCLAIMED = 'speaker NOT IN {claimed:Array(UInt64)}';
const KNOWN = `position <= {K:UInt64} AND ${UNCLAIMED}`;

/** The onsets of facts, as the view that fills `onsets` makes them, each by itself. */
const OF_FACTS = `(
  SELECT tenant, name, speaker, gateway, position, onset AS kind,
    if(onset IN ('accepted', 'refused', 'observed'), facts.first_at, time) AS at, time - recorded_at AS ahead,
    position AS first_position, position AS last_position
  FROM {db}.facts
  ARRAY JOIN arrayFilter(each -> each != '', [
    outcome,
    transform(toString(facts.kind),
      ['token.issued', 'token.reissued', 'token.exchanged', 'token.rotated', 'token.consumed', 'token.expired', 'token.revoked', 'token.compromised'],
      ['issued', 'issued', 'issued', 'rotated', 'consumed', 'expired', 'revoked', 'compromised'], '')
  ]) AS onset
  WHERE tenant = {tenant:String} AND startsWith(facts.kind, 'token.') AND NOT (shadow = 1 AND outcome != '') AND position <= {K:UInt64}
)`;

/**
 * What the onsets say of each token: which kinds hold at the cut, its earliest end, and whether a row of `onsets` says
 * nothing certain about K; for fences also when it was issued and first seen (at any T: a birth is timeless).
 */
export function onsetsOf(shape: PageShape): string {
  const from = shape.source === 'onsets' ? '{db}.onsets' : OF_FACTS;
  const columns = `${BIT} AS bit, ${until(shape)} AS until, at, ahead, last_position > {K:UInt64} AS mixed`;
  const onsets = byToken(shape, from, 'name', columns, `first_position <= {K:UInt64} AND ${UNCLAIMED}`);
  const toggles = byToken(
    shape,
    '{db}.toggles',
    'name',
    `${BITS.stated} AS bit, {T:Int64} AS until, at, ${NO_TIME} AS ahead, 0 AS mixed`,
    `${KNOWN} AND startsWith(kind, 'token.')`,
  );
  const births = `
      min(if(bit = ${BITS.issued}, at, ${NEVER})) AS issued,
      min(if(bit IN (${BITS.accepted}, ${BITS.refused}, ${BITS.observed}), at, ${NEVER})) AS seen,
      max(ahead) AS ahead,`;
  return `SELECT n, groupBitOr(if(at <= until, bit, 0)) AS bits,
      min(if(at <= until AND bit >= ${BITS.rotated}, at, ${NEVER})) AS stated_end, ${asksBirth(shape) ? births : ''}
      max(mixed) AS mixed
    FROM (${shape.hasSuspensions ? `${onsets} UNION ALL ${toggles}` : onsets})
    GROUP BY n`;
}

/** A birth matters to fences alone. */
export function asksBirth({ fences }: PageShape): boolean {
  return fences.by.length > 0;
}

/** The names by which a token is found that this page asks for. */
export function marksAsked({ fences, hasSubjects, hasCompromisedKeys }: PageShape): ('sub' | 'cli' | 'kid' | 'ses')[] {
  const all = fences.by.length > 0;
  return [
    ...(all || hasSubjects ? (['sub'] as const) : []),
    ...(all ? (['cli'] as const) : []),
    ...(all || hasCompromisedKeys ? (['kid'] as const) : []),
    ...(fences.ses ? (['ses'] as const) : []),
  ];
}

const KINDS_OF_EXPIRY = ['at', 'never', 'unknown', 'implausible'];
/** The kind of an expiry and whether its unit is suspect as one small number; 0 for none. */
const EXPIRY = `transform(toString(exp_kind), [${KINDS_OF_EXPIRY.map((kind) => `'${kind}'`).join(', ')}], [2, 4, 6, 8], 0) + (exp_kind != '' AND exp_suspect = 1)`;

/**
 * What lines say of each token at all times; `differ` where they contradict each other, where they may say too much
 * (an attribute keeps eight values), or where a fence may ask for one of several sessions.
 */
export function attributesOf(shape: PageShape): string {
  const { ses, kinds, offline } = shape.fences;
  const marks = marksAsked(shape);
  const columns = [
    ...['told', 'told_of', 'described', 'exp_at', `${EXPIRY} AS exp`],
    ...marks.map((mark) => `toUInt128(${mark}) AS ${mark}_number`),
    ...(asksBirth(shape) ? ['iat'] : []),
    ...(kinds ? ['token_kind'] : []),
    ...(offline ? ['offline'] : []),
  ];
  const values = [
    'max(exp) AS expiry',
    `max(if(exp = 0, ${NO_TIME}, exp_at)) AS expiry_at`,
    ...marks.map((mark) => `max(${mark}_number) AS mark_${mark}`),
    ...(asksBirth(shape) ? ['max(iat) AS issued_claim, count() AS lines'] : []),
    ...(kinds ? [`groupUniqArrayIf(token_kind, token_kind != '') AS kinds`] : []),
    ...(offline ? ['max(offline = 1) AS is_offline, max(offline = 0) AS is_online'] : []),
  ];
  const differ = [
    'length(groupUniqArrayArray(told)) != bitCount(groupBitOr(told_of))',
    'uniqUpTo(8)(described) > 8',
    ...(ses ? ['max(ses_number) != minIf(ses_number, ses_number != 0)'] : []),
  ];
  return `SELECT n, ${differ.join(' OR ')} AS differ, ${values.join(', ')}
    FROM (${byToken(shape, '{db}.attributes', 'name', columns.join(', '), KNOWN)})
    GROUP BY n`;
}

/** Each token's family. */
export function familiesOf(shape: PageShape): string {
  const { hasPairs, hasLabelledToks } = shape.contested;
  const labels = byToken(
    { contested: { hasPairs: hasPairs && hasLabelledToks, hasLabelledToks } },
    '{db}.family_labels',
    'member',
    'label, position, member',
    'position <= {K:UInt64}',
  );
  return `SELECT n, max(toUInt128(label)) AS family FROM (
      SELECT n, member, argMax(label, position) AS label FROM (${labels}) GROUP BY n, member
    ) WHERE label != ${NO_UUID} GROUP BY n`;
}

/** Of each token with renewals in place at or before T: the expiry that the latest states, of a tie the earliest. */
export function renewalsOf(shape: PageShape): string {
  const columns = `at, exp_at, ${EXPIRY} AS exp`;
  // never, unknown and implausible are all later than any instant; between them the text decides, as in the core.
  const order = `(at, -if(intDiv(exp, 2) = 1, exp_at, ${NEVER}), -transform(intDiv(exp, 2), [4, 2, 3], [1, 2, 3], 0))`;
  return `SELECT n, argMax(exp, ${order}) AS renewed, argMax(exp_at, ${order}) AS renewed_at, max(exp % 2) != min(exp % 2) AS differ
    FROM (${byToken(shape, '{db}.renewals', 'name', columns, `${KNOWN} AND at <= {T:Int64}`)})
    GROUP BY n`;
}

/** Tokens that some cause suspends at T: the latest word of each counts, a tie suspends (MODEL §5.3). */
export function suspendedOf(shape: PageShape): string {
  const columns = 'transform(speaker, {heard:Array(UInt64)}, {ranks:Array(UInt8)}, 0) AS authority, reason, at, op';
  return `SELECT DISTINCT n FROM (
      SELECT n, max((at, op)) AS latest
      FROM (${byToken(shape, '{db}.toggles', 'name', columns, `${KNOWN} AND at <= {T:Int64} AND startsWith(kind, 'token.')`)})
      GROUP BY n, authority, reason
    ) WHERE latest.2 = 1`;
}

/** Toks of this page that stand for another name. */
export const LEAVES_IN_PAGE = `SELECT toUInt128(tok) FROM {db}.tok_centers
  WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND ${UNCLAIMED} AND ${IN_PAGE('tok')}`;
