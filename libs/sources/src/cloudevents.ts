import { canName, parseIsoTime, placementOf, shortType, type ObservationType } from '#lifecycle';
import type { Adapter, Draft, JsonObject, ReadContext, Reading } from './adapter.js';
import { factOf } from './cloudevents/facts.js';
import { readIdentity, type Identity } from './cloudevents/identity.js';
import { takePersonal } from './cloudevents/personal.js';
import { sortedJson } from './cloudevents/sorted-json.js';
import { stampsOf, type Stamps } from './cloudevents/stamps.js';
import { NOT_UNICODE } from './claims.js';
import { isObject, textOf } from './fields.js';
import { rawPaths } from './use.js';

const TYPE = /^tallystick\.([a-z]+\.[a-z]+)\.v(\d+)$/;
/** The stream of an unknown type's events that name no token. */
const UNNAMED = 'unnamed';
/** What Tallystick concludes itself; nobody else states it. */
const CONCLUSIONS = new Set(['finding', 'gate', 'rollback', 'access']);

/**
 * CloudEvents 1.0 in JSON (structured mode; batches are split before) with types `tallystick.<thing>.<verb>.v1`: the
 * way in for systems that have no adapter, and for operators. `data` holds the fields of the type's schema
 * (`schemas/`), and says what it is about either by ready `names` or in plain fields, which become names here:
 *
 * | field of `data` | becomes |
 * |---|---|
 * | `issuer` + `jti` | the token's name |
 * | `token_sha256` | the tok name (64 hex digits) |
 * | `access_token`, `refresh_token`, `id_token`, `api_key` | the tok name; the value itself is never kept |
 * | `credential: {system, id}` | the credential's name |
 * | `consumer: {system, id}`, or text | the consumer's name; text belongs to the source's own system |
 * | `issuer` + `grant` | the family; `subjectGrant`: that of an exchanged token's subject |
 * | `issuer` + `subject`, `client`, `session`, `kid` | their names (also as `sub`, `client_id`, `sid`) |
 * | `aud`, `scope`, `iat`, `nbf`, `exp`, `typ`, `alg`, `cnf`, `act` | as in a JWT; times in the profile's `expUnit` |
 * | `payload`, `header` | a whole verified JWT payload and header instead of the plain claims |
 * | `parent`, `successor`, `subjectToken`, `actorToken`, `token` | another token: a name, `{issuer, jti}`, `{token_sha256}`, `{credential}` |
 * | `client_ip`, `user_agent`, `user_name` | network and product name; in clear only in the personal box |
 * | `version`, `gateway`, `region`, `api` of a `token.*` | stamped on the fact |
 * | `cutoff`, `from`, `to`, `watermark` | ms, or ISO 8601 text |
 *
 * `verified: false` says that nobody verified the claims; they then name nothing, and a gateway's ready names count
 * only as far as they name the token itself (tok, cred). An issuer's source names what is its own by issuer and id: its
 * ready names of jti, fam, kid, sub, ses and cli must be those that the same event's issuer and ids give. Where an event
 * shows ids beside ready names, the ids go first. What common
 * spellings call personal (`email`, `username`, `ip` …) goes into the personal box, and nowhere else. A `fence.raised` without `match`
 * matches everything that it identifies, and without `cutoff` ends what was born up to its own time. The `subject`
 * attribute counts where it is a name. Unknown `tallystick.` types of version 1 are kept and fold to nothing; later
 * versions and other types are rejected, and can be redriven when they are known.
 */
export const cloudevents: Adapter = {
  format: 'cloudevents',
  detects(record) {
    const { specversion, type } = record;
    return typeof specversion === 'string' && typeof type === 'string' && !type.startsWith('dev.cdevents.');
  },
  units: { time: 'RFC 3339', 'data.iat, data.nbf, data.exp': 's' },
  identity: [
    'data.issuer + data.jti',
    'data.names',
    'data.token_sha256',
    'data.credential',
    'data.consumer',
    'subject',
  ],
  dedupe: { version: 1, fields: ['type', 'time', 'subject', 'data'] },
  redaction: {},
  outcomes: { 'tallystick.<thing>.<verb>.v1': 'the observation of that name' },
  sample: {
    specversion: '1.0',
    id: 'ce-1',
    source: '/operators/deploy',
    type: 'tallystick.deployment.activated.v1',
    time: '2026-03-10T09:00:00Z',
    datacontenttype: 'application/json',
    data: { component: 'gateway', version: 'v41', weight: 1 },
  },
  read(record, context): Reading {
    const type = String(record['type']);
    const known = shortType(type);
    const fault = envelopeFault(record, type, known);
    if (fault) return { kind: 'rejected', ...fault, redrivable: fault.redrivable ?? false };
    const time = parseIsoTime(String(record['time'] ?? ''), context.profile.zone);
    if ('error' in time) {
      const reason = record['time'] === undefined ? 'is missing: when it became true is unknown' : time.error;
      return { kind: 'rejected', field: 'time', reason, redrivable: false };
    }
    const data = isObject(record['data']) ? record['data'] : {};
    const name = known ?? TYPE.exec(type)![1]!;
    const stamps = name.startsWith('token.') ? stampsOf(data) : undefined;
    const identity = readIdentity(data, record['subject'], context, stamps !== undefined);
    if ('field' in identity) return { kind: 'rejected', ...identity, redrivable: false };
    const draft = draftOf(name, known, time.at, identity, stamps, context);
    if ('field' in draft) return { kind: 'rejected', ...draft, redrivable: false };
    const dedupe = [type, String(time.at), textOf(record['subject']) ?? '', sortedJson(data)];
    const sourceId = `${String(record['source'])}\n${String(record['id'])}`;
    return { kind: 'facts', sourceId, dedupe, drafts: [draft], personal: identity.personal };
  },
};

function envelopeFault(
  record: JsonObject,
  type: string,
  known: ObservationType | undefined,
): { field: string; reason: string; redrivable?: boolean } | undefined {
  if (!String(record['specversion']).startsWith('1.')) return { field: 'specversion', reason: 'is not 1.0' };
  for (const field of ['id', 'source'] as const) {
    const text = textOf(record[field]);
    if (text === undefined) return { field, reason: 'is missing or empty' };
    if (!canName(text)) return { field, reason: NOT_UNICODE };
  }
  if (!canName(textOf(record['subject']) ?? '')) return { field: 'subject', reason: NOT_UNICODE };
  const fault = known === undefined ? faultOfUnknown(type) : undefined;
  if (fault) return fault;
  if (record['data_base64'] !== undefined || (record['data'] !== undefined && !isObject(record['data']))) {
    return { field: 'data', reason: 'is not a JSON object' };
  }
  return undefined;
}

/** What is wrong with a type that this release does not know; undefined for one that is kept without effect. */
function faultOfUnknown(type: string): { field: string; reason: string; redrivable?: boolean } | undefined {
  const match = TYPE.exec(type);
  if (!match) return { field: 'type', reason: 'is not one of tallystick.<thing>.<verb>.v1', redrivable: true };
  if (CONCLUSIONS.has(match[1]!.split('.')[0]!)) {
    return { field: 'type', reason: 'is a conclusion, which only Tallystick itself states' };
  }
  if (match[2] !== '1')
    return { field: 'type', reason: 'has a version that this release does not know', redrivable: true };
  return undefined;
}

function draftOf(
  name: string,
  known: ObservationType | undefined,
  time: number,
  identity: Identity,
  stamps: Stamps | undefined,
  context: ReadContext,
): Draft | { field: string; reason: string } {
  takePersonal(identity.data, known, identity.personal);
  if (context.credentials.length > 0) identity.data['raw'] = rawPaths(context.credentials);
  if (known !== undefined) {
    const fact = factOf(known, time, identity);
    return 'field' in fact ? fact : Object.assign(fact, stamps);
  }
  const { names, data } = identity;
  // A subject that is no name may be anybody's address: it is not kept.
  const subject = placementOf(names) ?? UNNAMED;
  return { type: name, time, subject, names, data, ...stamps };
}
