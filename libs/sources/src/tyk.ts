import { createHash } from 'node:crypto';
import { assumedIssuer, type Names } from '#lifecycle';
import type { Adapter, Json, ReadContext, Reading } from './adapter.js';
import { MARK } from './credential-shapes.js';
import { fieldPaths, FieldReader, isObject, readRecordTime, statusOf, textOf } from './fields.js';
import { readGeo, type Geo } from './presenter.js';
import { isHash } from './redact.js';
import { readUse, USE_DEDUPE } from './use.js';

const PATHS = fieldPaths({
  time: ['timestamp'],
  status: ['response_code'],
  client_ip: ['ip_address'],
  api_key: ['api_key'],
  org: ['org_id'],
  client: ['oauth_id'],
  consumer: ['alias'],
  api: ['api_id'],
  host: ['host'],
  method: ['method'],
  path: ['raw_path', 'path'],
  agent: ['user_agent'],
});

/** Hashes of the empty key, which Tyk writes for keyless requests: murmur (zeros), MD5, SHA-1, SHA-256. */
const EMPTY_KEY =
  /^(?:0+|d41d8cd98f00b204e9800998ecf8427e|da39a3ee5e6b4b0d3255bfef95601890afd80709|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)$/i;

/**
 * Tyk analytics records. `api_key` is the key or token as presented, or its hash (`hash_keys`). A raw one is named by
 * its SHA-256 (`tok`), a hash by itself (`cred`, within the organisation): one hash may stand for a session that many
 * tokens share. A profile says otherwise by `fields`: `{"token_sha256": "api_key"}` (a SHA-256 of the token) or
 * `{"token": "api_key"}` (always the raw key, even where it looks like a hash).
 * `expireAt` is when the record is deleted, never when the token expires.
 */
export const tyk: Adapter = {
  format: 'tyk',
  detects(record) {
    return 'api_id' in record && 'org_id' in record && 'response_code' in record && 'timestamp' in record;
  },
  units: { timestamp: 'RFC 3339', request_time: 'ms', 'latency.*': 'ms', expireAt: 'RFC 3339, of the record' },
  identity: ['api_key in clear', 'a token in raw_request', 'api_key as a hash', 'alias'],
  dedupe: USE_DEDUPE,
  redaction: { api_key: 'token', raw_request: 'base64-http', raw_response: 'base64-http' },
  outcomes: {
    '2xx, 3xx, and errors of the upstream': 'token.validated',
    '401, 403': 'token.rejected, without a reason',
    'other errors of the gateway': 'token.observed',
    'a keyless request': 'ignored',
  },
  sample: {
    method: 'GET',
    host: 'api.example.com',
    path: '/catalog',
    raw_path: '/catalog',
    content_length: 0,
    user_agent: 'okhttp/4.12',
    response_code: 200,
    api_key: '0328d14d42db033c659df37b02784c0bf244fbb3',
    timestamp: '2026-03-10T09:00:00.000Z',
    api_name: 'catalog',
    api_id: 'a1b2c3',
    org_id: 'org-1',
    oauth_id: '',
    request_time: 12,
    raw_request: '',
    raw_response: '',
    ip_address: '192.0.2.60',
    geo: { country: { iso_code: 'NL' }, location: { latitude: 52.1, longitude: 5.1 } },
    latency: { total: 12, upstream: 9 },
    tags: ['deploy-v41', 'gw-tyk-1', 'api-a1b2c3'],
    alias: '',
    expireAt: '2026-04-09T09:00:00.000Z',
  },
  read(record, context): Reading {
    const { profile } = context;
    const fields = new FieldReader(record, PATHS, profile.fields);
    const time = readRecordTime(fields.get('time'), 'ms', profile.zone);
    if ('reason' in time) return { kind: 'rejected', field: fields.pathOf('time'), ...time };
    const org = fields.text('org') ?? '';
    const key = keyOf(fields, context);
    const names: Names = {};
    const client = fields.text('client');
    if (client !== undefined) names.cli = context.name('cli', assumedIssuer('tyk', org), client);
    const latency = record['latency'];
    const upstream = isObject(latency) ? latency['upstream'] : undefined;
    return readUse(
      {
        pathOf: (field) => fields.pathOf(field),
        system: 'tyk',
        time: time.at,
        notes: time.notes,
        status: statusOf(fields.get('status')),
        // Tyk's own refusals may show upstream time too, so it counts only where the answer is no refusal.
        upstream: typeof upstream === 'number' ? upstream > 0 : undefined,
        digest: key.digest,
        authorization: false,
        credential: { value: key.hash, verified: false, parts: [org] },
        consumer: fields.get('consumer'),
        extra: { names, data: {} },
        address: fields.get('client_ip'),
        agent: fields.get('agent'),
        geo: geoOf(record['geo']),
        version: fields.text('version') ?? tagOf(record['tags'], profile.tags.version),
        gateway: fields.text('gateway') ?? tagOf(record['tags'], profile.tags.gateway),
        region: fields.text('region') ?? tagOf(record['tags'], profile.tags.region),
        api: fields.text('api'),
        host: fields.text('host'),
        method: fields.text('method'),
        path: fields.text('path'),
        distinguishing: [
          ...['request_time', 'content_length', 'oauth_id', 'alias', 'api_version', 'track_path'].map(
            (name) => record[name],
          ),
          ...['total', 'upstream', 'gateway'].map((name) => (isObject(latency) ? latency[name] : undefined)),
          fields.get('agent'),
          Array.isArray(record['tags']) ? record['tags'].map(String).sort() : undefined,
        ],
      },
      context,
    );
  },
};

/** What `api_key` is: a hash, the digest of a token, or (redacted by now) a credential in clear. */
function keyOf(fields: FieldReader, { profile }: ReadContext): { hash?: string; digest?: string } {
  const value = fields.text('api_key');
  if (value === undefined || value === MARK || EMPTY_KEY.test(value)) return {};
  if (profile.fields['token_sha256'] !== undefined) {
    const digest = fields.text('token_sha256');
    return digest === undefined ? {} : { digest };
  }
  if (profile.fields['token'] === 'api_key') return { digest: createHash('sha256').update(value).digest('hex') };
  return isHash(value) ? { hash: value.toLowerCase() } : {};
}

function tagOf(tags: Json | undefined, prefix: string): string | undefined {
  if (!Array.isArray(tags) || prefix === '') return undefined;
  const tag = tags.find((item): item is string => typeof item === 'string' && item.startsWith(prefix));
  return tag === undefined ? undefined : textOf(tag.slice(prefix.length));
}

function geoOf(geo: Json | undefined): Geo | undefined {
  if (!isObject(geo)) return undefined;
  const country = isObject(geo['country']) ? geo['country']['iso_code'] : undefined;
  const place = isObject(geo['location']) ? geo['location'] : {};
  return readGeo(country, place['latitude'], place['longitude']);
}
