import type { PageShape } from './asked.js';
import { fencedAt, fencesBy } from './fence-sql.js';
import { trusted, type Known } from './known.js';
import { NEVER, NO_TIME, NO_UUID } from './names-sql.js';
import {
  asksBirth,
  attributesOf,
  BITS,
  familiesOf,
  LEAVES_IN_PAGE,
  marksAsked,
  onsetsOf,
  renewalsOf,
  suspendedOf,
} from './token-sql.js';

/** Sightings before 2000-01-01 come from a clock that was never set (MODEL §5.5). */
const BEFORE_TOKENS = '946684800000';

const UNCLAIMED = 'position <= {K:UInt64} AND speaker NOT IN {claimed:Array(UInt64)}';

/** Subjects that are suspended at T; a reinstatement by a record with several variants does not count. */
function suspendedSubjects(known: Known): string {
  return `SELECT DISTINCT toUInt128(name) FROM (
      SELECT name, max((at, op)) AS latest FROM {db}.toggles
      WHERE tenant = {tenant:String} AND ${UNCLAIMED} AND at <= {T:Int64} AND startsWith(kind, 'subject.')
        AND name != ${NO_UUID} AND NOT (op = 0 AND record_key IN {conflictKeys:Array(UUID)}) AND ${trusted(known, 'at')}
      GROUP BY name, transform(speaker, {heard:Array(UInt64)}, {ranks:Array(UInt8)}, 0), reason
    ) WHERE latest.2 = 1`;
}

/** When each key was first said to be compromised. */
function compromisedKeys(known: Known): string {
  return `SELECT toUInt128(kid) AS key, min(time) AS at FROM {db}.world_facts
    WHERE tenant = {tenant:String} AND kind = 'key.compromised' AND ${UNCLAIMED} AND time <= {T:Int64} AND kid != ${NO_UUID}
      AND ${trusted(known, 'time')}
    GROUP BY key`;
}

/** The earliest end of each family, by its label; of names without a family, by the name. */
function endsOfFamilies(known: Known): string {
  const ends = `SELECT toUInt128(name) AS n, min(at) AS at FROM {db}.family_ends
    WHERE tenant = {tenant:String} AND ${UNCLAIMED} AND at <= {T:Int64} AND ${trusted(known, 'at')} GROUP BY n`;
  return `SELECT if(labels.label = ${NO_UUID}, ends.n, toUInt128(labels.label)) AS family_key, min(ends.at) AS at
    FROM (${ends}) AS ends
    LEFT ANY JOIN (
      SELECT toUInt128(member) AS n, argMax(label, position) AS label FROM {db}.family_labels
      WHERE tenant = {tenant:String} AND position <= {K:UInt64} AND toUInt128(member) IN (SELECT n FROM (${ends}))
      GROUP BY n
    ) AS labels ON ends.n = labels.n
    GROUP BY family_key`;
}

/**
 * The state lines of the tokens with names in [from, before), in order of name: name, status, flags, endedAt, expiry,
 * family, and 1 where the core must judge the token instead. Every rule of the core stands here or makes a token
 * contested.
 */
export function pageSql(known: Known, shape: PageShape): string {
  const by = (status: string): string => `bitAnd(bits, ${BITS[status as keyof typeof BITS]}) != 0`;
  return `WITH ${NEVER} AS never
    SELECT lower(hex(n)) AS name,
      multiIf(
        ${by('compromised')} OR key_end != never, 'compromised',
        ${by('revoked')} OR fence_end != never OR family_end != never, 'revoked',
        ${by('rotated')}, 'rotated',
        ${by('consumed')}, 'consumed',
        ${by('expired')} OR (intDiv(expires, 2) = 1 AND expires_at <= {T:Int64}), 'expired',
        is_suspended, 'suspended',
        ${by('accepted')}, 'active',
        ${by('issued')}, 'issued',
        'observed') AS status,
      if(expires % 2 = 1, 'unitSuspect', '-') AS flags,
      if(least(stated_end, key_end, fence_end, family_end) = never, '-', toString(least(stated_end, key_end, fence_end, family_end))) AS ended,
      multiIf(intDiv(expires, 2) = 1, toString(expires_at), intDiv(expires, 2) = 2, 'never', intDiv(expires, 2) = 4, 'implausible', 'unknown') AS expiry,
      if(family = 0, '-', lower(hex(family))) AS family,
      judge
    FROM (${endsSql(known, shape)})
    ORDER BY n`;
}

/** The tokens with the ends that stand elsewhere: of their keys, fences and families. */
function endsSql(known: Known, shape: PageShape): string {
  const { fences, hasCompromisedKeys, hasFamilyEnds } = shape;
  const isAsked = fences.by.map((by) => `notEmpty(fences_${by}.fences)`).join(' OR ');
  const joins = [
    ...(hasCompromisedKeys ? [`LEFT ANY JOIN (${compromisedKeys(known)}) AS keys ON tokens.mark_kid = keys.key`] : []),
    ...(hasFamilyEnds
      ? [
          `LEFT ANY JOIN (${endsOfFamilies(known)}) AS ends ON if(tokens.family = 0, tokens.n, tokens.family) = ends.family_key`,
        ]
      : []),
    ...fences.by.map(
      (by) => `LEFT ANY JOIN (${fencesBy(known, by)}) AS fences_${by} ON tokens.mark_${by} = fences_${by}.n`,
    ),
  ];
  return `SELECT tokens.n AS n, bits, stated_end, family, is_suspended, expires, expires_at,
      ${hasCompromisedKeys ? 'if(keys.key = 0, never, keys.at)' : 'never'} AS key_end,
      ${hasFamilyEnds ? 'if(ends.family_key = 0, never, ends.at)' : 'never'} AS family_end,
      ${fences.by.length === 0 ? 'never' : `least(${[...fences.by.map((by) => fencedAt(by, fences)), 'never'].join(', ')})`} AS fence_end,
      ${isAsked === '' ? 'tokens.judge' : `tokens.judge OR (birth_doubt AND (${isAsked}))`} AS judge
    FROM (${tokensSql(known, shape)}) AS tokens
    ${joins.join('\n')}`;
}

/** The tokens with what their own lines say. */
function tokensSql(known: Known, shape: PageShape): string {
  const { fences, contested, hasSuspensions, hasSubjects, hasRenewals } = shape;
  const births = `
      least(issued, if(attributes.lines = 0 OR issued_claim = ${NO_TIME}, never, issued_claim)) AS issue_time,
      least(issue_time, seen) AS birth,
      if(issue_time != never, seen < issue_time - ${known.birthSlack}, seen < ${BEFORE_TOKENS} OR ahead > ${known.futureSlack}) AS birth_doubt,`;
  const suspended = [
    ...(hasSuspensions ? [`onsets.n IN (${suspendedOf(shape)})`] : []),
    ...(hasSubjects ? [`attributes.mark_sub IN (${suspendedSubjects(known)})`] : []),
  ];
  const judge = [
    ...['mixed', 'attributes.differ', 'families.family IN {families:Array(UInt128)}'],
    ...(hasRenewals ? ['renewals.differ'] : []),
  ];
  return `SELECT onsets.n AS n, bits, stated_end, families.family AS family,
      ${marksAsked(shape)
        .map((mark) => `attributes.mark_${mark} AS mark_${mark},`)
        .join(' ')}
      ${fences.kinds ? `if(bitShiftRight(onsets.n, 124) = 4, arrayPushBack(attributes.kinds, 'apiKey'), attributes.kinds) AS marks_kinds,` : ''}
      ${fences.offline ? 'attributes.is_offline AS is_offline, attributes.is_online AS is_online,' : ''}
      ${asksBirth(shape) ? births : ''}
      ${hasRenewals ? 'if(renewals.n = 0, attributes.expiry, renewals.renewed)' : 'attributes.expiry'} AS expires,
      ${hasRenewals ? 'if(renewals.n = 0, attributes.expiry_at, renewals.renewed_at)' : 'attributes.expiry_at'} AS expires_at,
      ${suspended.length === 0 ? '0' : suspended.join(' OR ')} AS is_suspended,
      ${judge.join(' OR ')} AS judge
    FROM (${onsetsOf(shape)}) AS onsets
    LEFT ANY JOIN (${attributesOf(shape)}) AS attributes ON onsets.n = attributes.n
    LEFT ANY JOIN (${familiesOf(shape)}) AS families ON onsets.n = families.n
    ${hasRenewals ? `LEFT ANY JOIN (${renewalsOf(shape)}) AS renewals ON onsets.n = renewals.n` : ''}
    WHERE (bits != 0 OR mixed OR attributes.differ) AND onsets.n NOT IN {contested:Array(UInt128)}
      ${contested.hasPairs ? `AND onsets.n NOT IN (${LEAVES_IN_PAGE})` : ''}`;
}
