import { isName, kindOfName, namesSchema, type Name, type NameKind, type Names } from '#lifecycle';
import type { JsonObject, ReadContext } from '../adapter.js';
import { isObject } from '../fields.js';
import { present } from '../parts.js';
import { faultOf } from './faults.js';
import type { IdentityFault } from './identity.js';

/** Kinds that belong to one issuer. A ready name of them does not show to which. */
const OF_AN_ISSUER: ReadonlySet<NameKind> = new Set(['jti', 'fam', 'kid', 'sub', 'ses', 'cli']);

/**
 * Whose ready names count. `all`: an operator's, and those of a gateway that verified the token. `own`: an issuer's
 * source may mean only its own tokens, so only names that the same event proves by issuer and id (MODEL §3.2).
 * `none`: nobody verified what the event says (MODEL §1.2).
 */
export type Trust = 'all' | 'own' | 'none';

export function trustIn(data: JsonObject, { profile }: ReadContext): Trust {
  if (profile.authority === 'operator') return 'all';
  if (profile.authority === 'issuer') return 'own';
  return data['verified'] === false || !profile.claimsVerified ? 'none' : 'all';
}

export function countsOfIssuer(name: Name): boolean {
  const kind = kindOfName(name);
  return kind !== undefined && OF_AN_ISSUER.has(kind);
}

export const NOT_ITS_OWN =
  "is a ready name, but an issuer's source names its own things: by issuer with jti, grant, subject, client, session or kid";

/**
 * The ready names of an event, in `data.names` and the `subject` attribute, as far as they count.
 * @param computed what the event's plain fields name.
 * @param notes gets `names:unverified` where some did not count.
 */
export function readyNames(
  data: JsonObject,
  subject: unknown,
  computed: Names,
  trust: Trust,
  notes: string[],
): Names | IdentityFault {
  const given: [NameKind, Name, string][] = [];
  if (data['names'] !== undefined && data['names'] !== null) {
    const parsed = namesSchema.safeParse(data['names']);
    if (!parsed.success) return faultOf('data.names', parsed.error.issues[0]!);
    for (const [kind, name] of Object.entries(present(parsed.data)))
      given.push([kind as NameKind, name, `data.names.${kind}`]);
  }
  if (typeof subject === 'string' && isName(subject)) given.push([kindOfName(subject)!, subject, 'subject']);
  const names: Names = {};
  for (const [kind, name, field] of given) {
    if (OF_AN_ISSUER.has(kind) || countsOfIssuer(name)) {
      if (trust === 'own' && computed[kind] !== name) return { field, reason: NOT_ITS_OWN };
      if (trust === 'none') {
        if (!notes.includes('names:unverified')) notes.push('names:unverified');
        continue;
      }
    }
    if (field !== 'subject') names[kind] = name;
    else names[kind] ??= computed[kind] ?? name;
  }
  return names;
}

/** What else may hold ready names of an issuer's things: what a fence matches, and the family of an exchange. */
export function foreignName(data: JsonObject, computed: Names): IdentityFault | undefined {
  const match = data['match'];
  if (isObject(match)) {
    for (const kind of ['sub', 'cli', 'kid', 'ses'] as const) {
      const name = match[kind];
      if (typeof name === 'string' && name !== computed[kind]) {
        return { field: `data.match.${kind}`, reason: NOT_ITS_OWN };
      }
    }
  }
  const family = data['subjectFamily'];
  if (typeof family === 'string' && family !== computed.fam) {
    return { field: 'data.subjectFamily', reason: NOT_ITS_OWN };
  }
  return undefined;
}
