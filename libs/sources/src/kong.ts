import type { Adapter, JsonObject } from './adapter.js';
import { fieldPaths, isObject } from './fields.js';
import { readPluginLog } from './plugin-log.js';
import { headerOf } from './presenter.js';
import { USE_DEDUPE } from './use.js';

/** Fields beginning with `token_` and the like are what operators set with `custom_fields_by_lua`. */
const PATHS = fieldPaths({
  time: ['started_at'],
  status: ['response.status'],
  request_id: ['request.id', 'request_id'],
  client_ip: ['client_ip'],
  gateway: ['gateway_id'],
  region: ['region'],
  version: ['deployment_version'],
  reason: ['auth_error'],
  claims: ['jwt_claims'],
  iss: ['token_iss'],
  sub: ['token_sub'],
  jti: ['token_jti'],
  aud: ['token_aud'],
  client_id: ['token_client_id'],
  iat: ['token_iat'],
  nbf: ['token_nbf'],
  exp: ['token_exp'],
  scope: ['token_scope'],
  kid: ['token_kid'],
  alg: ['token_alg'],
  typ: ['token_typ'],
  sid: ['token_sid'],
  token_sha256: ['token_sha256'],
  consumer: ['consumer.username', 'consumer.custom_id', 'consumer.id', 'authenticated_entity.consumer_id'],
  credential: ['authenticated_entity.id'],
  api: ['service.name', 'service.id', 'route.name', 'route.id'],
  method: ['request.method'],
  path: ['request.uri'],
  request_size: ['request.size'],
  response_size: ['response.size'],
});

/**
 * Kong's log serializer (http-log, file-log, kafka-log; batches are arrays). Kong itself logs no token identity: the
 * jti, hash and claims are the operator's custom fields, set after verification; else the credential id names.
 */
export const kong: Adapter = {
  format: 'kong',
  detects(record) {
    if (!isObject(record['request']) || !isObject(record['response'])) return false;
    return (
      record['started_at'] !== undefined &&
      (isObject(record['latencies']) || 'tries' in record || 'upstream_uri' in record)
    );
  },
  units: { started_at: 'ms', 'latencies.*': 'ms, -1 = none', 'route.updated_at': 's', token_iat: 's', token_exp: 's' },
  identity: [
    'token_iss + token_jti',
    'token_sha256',
    'the request’s token in clear',
    'authenticated_entity.id',
    'consumer.username',
  ],
  dedupe: USE_DEDUPE,
  redaction: {},
  outcomes: {
    '2xx, 3xx': 'token.validated',
    '401, 403 at the edge': 'token.rejected, reason from auth_error',
    '401, 403 of the upstream after verification': 'token.validated with upstreamStatus',
    'an anonymous consumer': 'token.observed',
    'an error of the edge without verification': 'token.observed',
  },
  sample: {
    request: {
      id: '5f0c2d5e8a1b4c7d9e0f1a2b3c4d5e6f',
      method: 'GET',
      uri: '/orders',
      url: 'https://api.example.com:8443/orders',
      querystring: {},
      size: 812,
      headers: { host: 'api.example.com', authorization: 'REDACTED', 'user-agent': 'shop-app/3.2' },
    },
    response: { status: 200, size: 512, headers: { 'content-type': 'application/json' } },
    upstream_uri: '/orders',
    tries: [{ ip: '198.51.100.9', port: 8080, balancer_latency: 0 }],
    latencies: { kong: 3, proxy: 21, request: 24 },
    service: { id: 'svc-7', name: 'orders' },
    client_ip: '192.0.2.10',
    started_at: 1773133790000,
    token_jti: 'at-100-1',
    token_iss: 'https://idp.example.com/realms/shop',
    token_sub: 'u-100',
    gateway_id: 'gw-a',
    region: 'eu',
    deployment_version: 'v41',
  },
  read: (record, context) =>
    readPluginLog(record, context, PATHS, (fields, headers) => ({
      system: 'kong',
      upstream: answeredByUpstream(record),
      requestId:
        fields.text('request_id') ?? headerOf(headers, 'x-request-id') ?? headerOf(headers, 'x-kong-request-id'),
      distinguishing: [fields.get('request_size'), fields.get('response_size'), record['latencies']],
    })),
};

/** Kong names upstream tries, and -1 where no answer came from behind it; Lua writes an empty table as `{}`. */
function answeredByUpstream(record: JsonObject): boolean | undefined {
  const { tries, latencies } = record;
  if (typeof tries === 'object' && tries !== null && Object.keys(tries).length === 0) return false;
  const proxy = isObject(latencies) ? latencies['proxy'] : undefined;
  if (typeof proxy === 'number') return proxy >= 0;
  return Array.isArray(tries) ? true : undefined;
}
