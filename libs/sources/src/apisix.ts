import type { Adapter, JsonObject } from './adapter.js';
import { fieldPaths, isObject, textOf } from './fields.js';
import { readPluginLog } from './plugin-log.js';
import { headerOf } from './presenter.js';
import { USE_DEDUPE } from './use.js';

/** The default format nests `request` and `response`; in a custom `log_format` all is text at the top. */
const PATHS = fieldPaths({
  time: ['start_time', '@timestamp', 'timestamp', 'time_iso8601', 'time'],
  status: ['response.status', 'status'],
  request_id: ['request_id', 'apisix_request_id'],
  client_ip: ['client_ip', 'remote_addr'],
  gateway: ['gateway_id', 'server.hostname', 'hostname'],
  region: ['region'],
  version: ['deployment_version'],
  reason: ['auth_error'],
  claims: ['jwt_claims'],
  iss: ['iss'],
  sub: ['sub'],
  jti: ['jti'],
  aud: ['aud'],
  client_id: ['client_id'],
  iat: ['iat'],
  nbf: ['nbf'],
  exp: ['exp'],
  scope: ['scope'],
  kid: ['kid'],
  alg: ['alg'],
  typ: ['typ'],
  sid: ['sid'],
  token_sha256: ['token_sha256'],
  consumer: ['consumer.username', 'consumer_name', 'consumer.consumer_name'],
  credential: ['consumer.credential_id', 'credential_id'],
  api: ['service_id', 'route_id', 'service_name', 'route_name'],
  host: ['host'],
  method: ['request.method', 'request_method', 'method'],
  path: ['request.uri', 'request_uri', 'uri'],
  agent: ['http_user_agent', 'user_agent'],
});

/**
 * APISIX logger plugins (kafka-logger, http-logger, file-logger): the default format and custom `log_format`s, where
 * every value is text. The default format logs all request headers and the query: tokens in clear are the rule.
 */
export const apisix: Adapter = {
  format: 'apisix',
  detects(record) {
    const routed = 'route_id' in record || 'service_id' in record;
    if (isObject(record['request']) && isObject(record['response'])) {
      return record['start_time'] !== undefined && (routed || 'apisix_latency' in record || isObject(record['server']));
    }
    const timed = '@timestamp' in record || 'start_time' in record || 'time_iso8601' in record;
    return routed && timed && 'status' in record && !('response_code' in record);
  },
  units: {
    start_time: 'ms',
    '@timestamp': 'ISO 8601',
    'latency, upstream_latency, apisix_latency': 'ms',
    iat: 's',
    exp: 's',
  },
  identity: ['iss + jti', 'token_sha256', 'the request’s token in clear', 'credential_id', 'consumer.username'],
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
      url: 'https://api.example.com:9443/pay',
      uri: '/pay',
      method: 'POST',
      headers: { host: 'api.example.com', 'x-request-id': 'rq-100-1', 'user-agent': 'app/1' },
      querystring: {},
      size: 430,
    },
    response: { status: 200, headers: { 'content-type': 'application/json' }, size: 201 },
    server: { hostname: 'gw-apisix-2', version: '3.12.0' },
    upstream: '198.51.100.20:8080',
    service_id: 'svc-3',
    route_id: 'rt-3',
    consumer: { username: 'partner_7' },
    client_ip: '192.0.2.80',
    start_time: 1773133200250.0,
    latency: 12,
    upstream_latency: 10,
    apisix_latency: 2,
  },
  read: (record, context) =>
    readPluginLog(record, context, PATHS, (fields, headers) => ({
      system: 'apisix',
      upstream: answeredByUpstream(record),
      authorization: (headerOf(headers, 'authorization') ?? textOf(record['http_authorization'])) !== undefined,
      agent: headerOf(headers, 'user-agent') ?? fields.get('agent'),
      requestId: fields.text('request_id') ?? headerOf(headers, 'x-request-id'),
      host: headerOf(headers, 'host') ?? fields.text('host'),
      distinguishing: [record['latency'] ?? null, record['request_time'] ?? null],
    })),
};

/** The default format leaves `upstream` out where APISIX answered itself; a custom one tells only if it logs it. */
function answeredByUpstream(record: JsonObject): boolean | undefined {
  const upstream = record['upstream'] ?? record['upstream_addr'] ?? record['upstream_status'];
  if (textOf(upstream) !== undefined) return true;
  if (typeof record['upstream_latency'] === 'number') return true;
  return upstream !== undefined || isObject(record['response']) ? false : undefined;
}
