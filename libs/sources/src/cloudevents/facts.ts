import { canName, parseIsoTime, placementOf, type Names, type ObservationType } from '#lifecycle';
import type { Draft } from '../adapter.js';
import { NOT_UNICODE } from '../claims.js';
import { isObject } from '../fields.js';
import { present } from '../parts.js';
import { checkedData } from './checked-data.js';
import type { Identity, IdentityFault } from './identity.js';

/** Fields that hold an instant; ISO 8601 text is taken for its milliseconds. */
const INSTANTS = ['cutoff', 'from', 'to', 'watermark', 'firstAt', 'lastAt'];

/** The fact of a known type: its data checked against the type's schema, and the name or key of its stream. */
export function factOf(type: ObservationType, time: number, identity: Identity): Draft | IdentityFault {
  const { names } = identity;
  let data = withInstants(identity.data);
  if (type === 'fence.raised') data = { cutoff: time + 1, ...data, match: matchOf(data, names) };
  if (type === 'legalhold.placed' && names.sub !== undefined) data = { ...data, sub: names.sub };
  const checked = checkedData(type, data);
  if ('fault' in checked) return checked.fault;
  const subject = streamSubjectOf(type, names, data);
  if (typeof subject !== 'string') return subject;
  return { type, time, subject, names, data: checked.data };
}

function withInstants(data: Record<string, unknown>): Record<string, unknown> {
  let out = data;
  for (const field of INSTANTS) {
    const value = data[field];
    if (typeof value !== 'string') continue;
    const reading = parseIsoTime(value);
    if (!('at' in reading)) continue;
    if (out === data) out = { ...data };
    out[field] = reading.at;
  }
  return out;
}

/** A fence matches what it is told to, else everything that the event identifies. */
function matchOf(data: Record<string, unknown>, { sub, cli, kid, ses }: Names): unknown {
  if (isObject(data['match'] as never)) return data['match'];
  return present({ sub, cli, kid, ses, tokenKind: data['tokenKind'], offline: data['offline'] });
}

function streamSubjectOf(type: ObservationType, names: Names, data: Record<string, unknown>): string | IdentityFault {
  const thing = type.slice(0, type.indexOf('.'));
  switch (thing) {
    case 'token':
      return (
        placementOf(names) ??
        textIn(data, 'from') ??
        missing('a token: issuer and jti, token_sha256, credential or consumer')
      );
    case 'family':
      return names.fam ?? missing('a grant: issuer and grant');
    case 'subject':
      return names.sub ?? missing('a subject: issuer and subject');
    case 'key':
      return names.kid ?? missing('a key: issuer and kid');
    case 'fence': {
      const match = data['match'] as Names;
      const subject = match.ses ?? match.sub ?? match.cli ?? match.kid;
      return subject ?? { field: 'data.match', reason: 'names no session, subject, client or key' };
    }
    case 'deployment':
      return keyIn(data, 'component');
    case 'source':
      return keyIn(data, 'source');
    default:
      // Attestations and legal holds are about a token, or about the tenant as a whole; settings about the tenant.
      return textIn(data, 'token') ?? (thing === 'settings' ? undefined : placementOf(names)) ?? 'settings';
  }
}

const missing = (what: string): IdentityFault => ({ field: 'data', reason: `does not identify ${what}` });

function textIn(data: Record<string, unknown>, key: string): string | undefined {
  const value = data[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A field that a stream is called after. */
function keyIn(data: Record<string, unknown>, key: string): string | IdentityFault {
  const text = textIn(data, key);
  if (text === undefined) return { field: `data.${key}`, reason: 'is empty' };
  return canName(text) ? text : { field: `data.${key}`, reason: NOT_UNICODE };
}
