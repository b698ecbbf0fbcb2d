import type { RefusalReason } from '#lifecycle';
import type { Adapter, Json, JsonObject, Reading } from './adapter.js';
import { readClaims } from './claims.js';
import { fieldPaths, FieldReader, isObject, readRecordTime, statusOf, textOf } from './fields.js';
import { reasonOf } from './refusals.js';
import { readUse, USE_DEDUPE } from './use.js';

const PATHS = fieldPaths({
  time: ['start_time', 'timestamp', '@timestamp'],
  status: ['response_code'],
  details: ['response_code_details'],
  flags: ['response_flags'],
  request_id: ['request_id', 'x_request_id'],
  client_ip: ['downstream_remote_address', 'downstream_direct_remote_address', 'x_forwarded_for', 'client_ip'],
  gateway: ['node_id', 'gateway_id'],
  region: ['region'],
  version: ['deployment_version'],
  jwt: ['jwt', 'jwt_authn', 'dynamic_metadata.envoy%filters%http%jwt_authn'],
  token_sha256: ['token_sha256'],
  consumer: ['consumer'],
  credential: ['credential_id'],
  api: ['route_name', 'api'],
  host: ['authority', 'host'],
  method: ['method'],
  path: ['path', 'uri'],
  agent: ['user_agent'],
  upstream: ['upstream_cluster', 'upstream_host'],
});

/**
 * Envoy's JSON access log. `jwt` is the dynamic metadata of jwt_authn, which holds a payload only after success
 * (`payload_in_metadata`), so claims there are verified on a 403 of RBAC too. Refusals show only the operator's hash.
 */
export const envoy: Adapter = {
  format: 'envoy',
  detects(record) {
    if (record['response_code'] === undefined || 'api_id' in record) return false;
    return 'response_code_details' in record || 'response_flags' in record || 'upstream_cluster' in record;
  },
  units: {
    start_time: 'ISO 8601, or digits in s, ms, us or ns as the operator chose',
    duration: 'ms',
    'jwt.*.exp': 's, as doubles',
  },
  identity: ['jwt.*.iss + jti', 'token_sha256', 'the request’s token in clear'],
  dedupe: USE_DEDUPE,
  redaction: {},
  outcomes: {
    'via_upstream, 2xx to 5xx': 'token.validated; 401 and 403 only after verification',
    'jwt_authn_access_denied{…}': 'token.rejected with the reason',
    'rbac_access_denied…': 'token.rejected, permission',
    'ext_authz_denied, flag UAEX': 'token.rejected; permission on a 403 after verification',
    'other errors of Envoy without verification': 'token.observed',
  },
  sample: {
    start_time: '2026-03-10T09:00:31.500Z',
    method: 'GET',
    path: '/v2/invoices',
    protocol: 'HTTP/2',
    authority: 'api.example.com',
    response_code: 200,
    response_code_details: 'via_upstream',
    response_flags: '-',
    duration: 7,
    request_id: 'a5e8c5e2a6c648fd2e0874da551c7d67',
    downstream_remote_address: '192.0.2.30:51234',
    upstream_cluster: 'invoices',
    user_agent: 'billing-cli/1.9',
    jwt: {
      verified_jwt: {
        iss: 'https://idp.example.com/realms/shop',
        sub: 'svc-billing',
        aud: 'invoices-api',
        client_id: 'billing-cli',
        jti: 't-100-1',
        iat: 1773133200,
        exp: 1773136800,
        scope: 'invoices.read',
      },
    },
    token_sha256: '705b9cbbf4439c0d2ad0bf20c04be266821e238dc4db6f28bb0c66f46f0d682c',
    deployment_version: 'v41',
    node_id: 'gw-envoy-1',
  },
  read(record, context): Reading {
    const fields = new FieldReader(record, PATHS, context.profile.fields);
    const time = readRecordTime(fields.get('time'), 'any', context.profile.zone);
    if ('reason' in time) return { kind: 'rejected', field: fields.pathOf('time'), ...time };
    const metadata = metadataOf(fields.get('jwt'));
    const pathOf = (claim: string) =>
      [fields.pathOf('jwt'), metadata.key, claim].filter((part) => part !== '').join('.');
    const shown = metadata.payload !== undefined;
    const claims =
      metadata.payload && context.profile.claimsVerified
        ? readClaims(metadata.payload, { pathOf, whole: true, header: metadata.header }, context)
        : undefined;
    if (claims && 'reason' in claims) return { kind: 'rejected', ...claims, redrivable: false };
    const status = statusOf(fields.get('status'));
    const details = fields.text('details');
    const digest = fields.text('token_sha256');
    return readUse(
      {
        pathOf: (field) => fields.pathOf(field),
        system: 'envoy',
        time: time.at,
        notes: shown && !claims ? ['claims:unverified'] : [],
        status,
        reason: refusalOf(details, fields.text('flags'), metadata.failure, status, claims !== undefined),
        upstream: answeredByUpstream(details, fields.get('upstream')),
        claims,
        digest,
        authorization: textOf(record['authorization']) !== undefined,
        tokenPath: context.profile.fields['token'],
        consumer: fields.get('consumer'),
        credential: { value: fields.get('credential'), verified: false },
        address: fields.get('client_ip'),
        agent: fields.get('agent'),
        version: fields.text('version'),
        gateway: fields.text('gateway'),
        region: fields.text('region'),
        api: fields.text('api'),
        requestId: fields.text('request_id'),
        host: fields.text('host'),
        method: fields.text('method'),
        path: fields.text('path'),
        distinguishing: [fields.get('client_ip'), record['duration'] ?? null],
      },
      context,
    );
  },
};

interface JwtMetadata {
  /** The key under which the payload stands; operators choose it. */
  key: string;
  payload?: JsonObject;
  header?: JsonObject;
  /** `failed_status_in_metadata`: the status text of a refusal. */
  failure?: string;
}

/** What jwt_authn wrote: payload, header and failure, each under a key of the operator's choice. */
function metadataOf(value: Json | undefined): JwtMetadata {
  if (!isObject(value)) return { key: '' };
  if (looksLikePayload(value)) return { key: '', payload: value };
  const found: JwtMetadata = { key: '' };
  for (const key of Object.keys(value)) {
    const part = value[key];
    if (!isObject(part)) continue;
    if (typeof part['message'] === 'string' && 'code' in part) found.failure = part['message'];
    else if (looksLikePayload(part) && (found.payload === undefined || key === 'verified_jwt')) {
      found.key = key;
      found.payload = part;
    } else if ('alg' in part) found.header = part;
  }
  return found;
}

const looksLikePayload = (part: JsonObject) =>
  ['iss', 'sub', 'jti', 'exp', 'aud', 'iat'].some((claim) => Object.hasOwn(part, claim) && !isObject(part[claim]));

/** `jwt_authn_access_denied{Jwt_is_expired}` and kin; ext_authz and RBAC decide about the deed where claims are verified. */
function refusalOf(
  details: string | undefined,
  flags: string | undefined,
  failure: string | undefined,
  status: number | undefined,
  verified: boolean,
): RefusalReason | undefined {
  const inner = /^jwt_authn_access_denied\{(.*)\}?$/.exec(details ?? '')?.[1] ?? failure;
  if (inner !== undefined && !details?.startsWith('via_upstream')) return reasonOf(inner.replace(/\}$/, ''));
  if (details?.startsWith('rbac_access_denied')) return 'permission';
  if (details?.startsWith('ext_authz_error')) return 'configuration';
  if (details?.startsWith('ext_authz_denied') || flags?.split(',').includes('UAEX')) {
    return verified && status === 403 ? 'permission' : undefined;
  }
  return undefined;
}

/** `via_upstream`, or an error that came about while Envoy talked to the upstream: the filters had let it pass. */
function answeredByUpstream(details: string | undefined, upstream: Json | undefined): boolean | undefined {
  if (details !== undefined) return details.startsWith('via_upstream') || details.startsWith('upstream_');
  if (upstream === undefined) return undefined;
  return textOf(upstream) !== undefined;
}
