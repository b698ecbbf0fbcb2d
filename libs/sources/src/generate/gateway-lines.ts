import type { JsonObject } from '../adapter.js';

/** A JWT as its payload and header show it; `iat` and `exp` in seconds. */
export interface Jwt {
  issuer: string;
  jti: string;
  sha256: string;
  subject: string;
  client: string;
  audience: string;
  scope: string;
  kid: string;
  iat: number;
  exp: number;
  jkt?: string;
  /** Header `typ`; default `at+jwt`. */
  typ?: string;
}

export interface Call {
  at: number;
  gateway: string;
  region: string;
  version?: string;
  path: string;
  address: string;
  agent: string;
  requestId: string;
}

/** How a gateway says why it refused, in Kong's custom field and in Envoy's details. */
const REFUSALS = {
  kid: ['unknown kid', "Jwks_doesn't_have_key_to_match_kid_or_alg_from_Jwt"],
  inactive: ['token_inactive', 'Jwt_is_not_active'],
  'not-yet-valid': ['token not yet valid', 'Jwt_not_yet_valid'],
  expired: ['token expired', 'Jwt_is_expired'],
  binding: ['DPoP proof does not match cnf', 'dpop_proof_mismatch'],
} as const;
export type RefusalWord = keyof typeof REFUSALS;

/** Kong http-log with the operator's custom fields: claims after verification, the digest always. */
export function kongLine(jwt: Jwt, call: Call, refusal?: RefusalWord): JsonObject {
  const ok = refusal === undefined;
  return {
    request: {
      id: call.requestId,
      method: 'GET',
      uri: call.path,
      url: `https://api.example.com:8443${call.path}`,
      querystring: {},
      size: 812,
      headers: { host: 'api.example.com', authorization: 'REDACTED', 'user-agent': call.agent },
    },
    response: { status: ok ? 200 : 401, size: 512, headers: { 'content-type': 'application/json' } },
    upstream_uri: call.path,
    tries: ok ? [{ ip: '198.51.100.9', port: 8080, balancer_latency: 0 }] : [],
    latencies: { kong: 3, proxy: ok ? 21 : -1, request: 24 },
    route: { id: 'rt-7', name: 'shop' },
    service: { id: 'svc-7', name: 'shop' },
    client_ip: call.address,
    started_at: call.at,
    ...(ok && {
      token_jti: jwt.jti,
      token_iss: jwt.issuer,
      token_sub: jwt.subject,
      token_client_id: jwt.client,
      token_aud: jwt.audience,
      token_scope: jwt.scope,
      token_kid: jwt.kid,
      token_alg: 'RS256',
      token_typ: jwt.typ ?? 'at+jwt',
      token_iat: jwt.iat,
      token_exp: jwt.exp,
    }),
    token_sha256: jwt.sha256,
    gateway_id: call.gateway,
    region: call.region,
    ...(call.version !== undefined && { deployment_version: call.version }),
    ...(!ok && { auth_error: REFUSALS[refusal][0] }),
  };
}

/** Envoy's JSON access log with jwt_authn's payload and header in the metadata, which exist only after success. */
export function envoyLine(jwt: Jwt, call: Call, refusal?: RefusalWord): JsonObject {
  const ok = refusal === undefined;
  const payload: JsonObject = {
    iss: jwt.issuer,
    sub: jwt.subject,
    aud: jwt.audience,
    client_id: jwt.client,
    jti: jwt.jti,
    iat: jwt.iat,
    exp: jwt.exp,
    scope: jwt.scope,
    ...(jwt.jkt !== undefined && { cnf: { jkt: jwt.jkt } }),
  };
  const header = { alg: 'RS256', kid: jwt.kid, typ: jwt.typ ?? 'at+jwt' };
  return {
    start_time: new Date(call.at).toISOString(),
    method: 'GET',
    path: call.path,
    protocol: 'HTTP/2',
    authority: 'api.example.com',
    response_code: ok ? 200 : 401,
    response_code_details: ok ? 'via_upstream' : `jwt_authn_access_denied{${REFUSALS[refusal][1]}}`,
    response_flags: '-',
    duration: 7,
    request_id: call.requestId,
    downstream_remote_address: `${call.address}:51234`,
    upstream_cluster: ok ? 'shop' : null,
    user_agent: call.agent,
    jwt: ok ? { verified_jwt: payload, jwt_header: header } : null,
    token_sha256: jwt.sha256,
    ...(call.version !== undefined && { deployment_version: call.version }),
    node_id: call.gateway,
    region: call.region,
  };
}

/** APISIX with a custom `log_format`: every value is text. */
export function apisixClaimsLine(claims: Record<string, string>, call: Call): JsonObject {
  return {
    '@timestamp': new Date(call.at).toISOString().replace('Z', '+00:00'),
    host: 'api.example.com',
    client_ip: call.address,
    status: '200',
    request_id: call.requestId,
    route_id: 'rt-9',
    service_id: 'svc-9',
    gateway_id: call.gateway,
    ...(call.version !== undefined && { deployment_version: call.version }),
    ...claims,
  };
}

/** APISIX in its default format, which logs every request header. */
export function apisixLine(
  call: Call,
  headers: Record<string, string>,
  consumer?: { name: string; credential: string },
): JsonObject {
  return {
    request: {
      url: `https://api.example.com:9443${call.path}`,
      uri: call.path,
      method: 'POST',
      headers: { host: 'api.example.com', 'x-request-id': call.requestId, 'user-agent': call.agent, ...headers },
      querystring: {},
      size: 430,
    },
    response: { status: 200, headers: { 'content-type': 'application/json' }, size: 201 },
    server: { hostname: call.gateway, version: '3.12.0' },
    upstream: '198.51.100.20:8080',
    service_id: 'svc-3',
    route_id: 'rt-3',
    ...(consumer && { consumer: { username: consumer.name, credential_id: consumer.credential } }),
    client_ip: call.address,
    start_time: call.at,
    latency: 12,
    upstream_latency: 10,
    apisix_latency: 2,
  };
}

/** A Tyk analytics record with a hashed key. */
export function tykLine(keyHash: string, org: string, call: Call): JsonObject {
  return {
    method: 'GET',
    host: 'api.example.com',
    path: call.path,
    raw_path: call.path,
    content_length: 0,
    user_agent: call.agent,
    response_code: 200,
    api_key: keyHash,
    timestamp: new Date(call.at).toISOString(),
    api_version: 'Default',
    api_name: 'catalog',
    api_id: 'a1b2c3',
    org_id: org,
    oauth_id: '',
    request_time: 12,
    raw_request: '',
    raw_response: '',
    ip_address: call.address,
    latency: { total: 12, upstream: 9 },
    tags: [...(call.version === undefined ? [] : [`deploy-${call.version}`]), `gw-${call.gateway}`, 'api-a1b2c3'],
    alias: '',
    track_path: false,
    expireAt: new Date(call.at + 2_592_000_000).toISOString(),
  };
}

/** An Apigee call with a verified opaque token. */
export function apigeeCallLine(client: string, sha256: string, call: Call): JsonObject {
  return {
    organization: 'example-org',
    environment: 'prod',
    apiproxy: { name: 'partner', revision: '12' },
    messageid: call.requestId,
    'system.timestamp': String(call.at),
    'request.verb': 'GET',
    'request.uri': call.path,
    'response.status.code': '200',
    client_id: client,
    'developer.app.name': 'partner-app',
    'target.response.status.code': '200',
    'client.ip': call.address,
    access_token_hash: sha256,
  };
}
