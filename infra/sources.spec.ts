import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { detectFormat, type JsonObject } from '#sources';
import { factOf, readRecord, withField } from '../libs/sources/src/case-readings.js';
import { kong } from '../libs/sources/src/kong.js';

/** What each sample configuration makes a gateway or identity provider write, through the adapter that reads it. */

const here = dirname(fileURLToPath(import.meta.url));
const read = <T>(path: string): T => JSON.parse(readFileSync(join(here, path), 'utf8')) as T;

const ISSUER = 'https://idp.example.com/realms/shop';
const CLAIMS = { iss: ISSUER, jti: 'at-1', sub: 'u-1', client_id: 'shop', iat: 1773133200, exp: 1773136800 };
const DIGEST = 'ab'.repeat(32);
const VERIFIED = {
  type: 'token.validated',
  names: { jti: `jti(${ISSUER}, at-1)`, tok: `tok(${DIGEST})` },
  version: 'v41',
  region: 'eu',
  data: { issuer: ISSUER, verified: true },
};
const REFUSED = { type: 'token.rejected', names: { tok: `tok(${DIGEST})` }, version: 'v41', region: 'eu' };

describe('Kong', () => {
  type Kong = { plugins: { config: { custom_fields_by_lua: Record<string, string> } }[] };
  const MADE: Record<string, JsonObject[string]> = { jwt_claims: CLAIMS, token_sha256: DIGEST };

  /** A line of Kong's serializer after the custom fields were set: a constant, one of those above, or taken out. */
  function line(file: string, verified: boolean): JsonObject {
    let record: JsonObject = structuredClone(kong.sample);
    for (const field of Object.keys(record))
      if (/^(token_|gateway_id|region|deployment_)/.test(field)) delete record[field];
    record = withField(record, 'request.headers.cookie', 'session=secret-cookie');
    record = withField(record, 'request.querystring', { access_token: 'secret-in-query' });
    for (const [field, lua] of Object.entries(read<Kong>(file).plugins[0]!.config.custom_fields_by_lua)) {
      const constant = /^return (?:'([^']*)'|nil)$/.exec(lua);
      const made = constant === null ? MADE[field] : constant[1];
      if (constant === null && made === undefined) throw new Error(`no sample of ${field}`);
      record = withField(record, field, field === 'jwt_claims' && !verified ? undefined : made);
    }
    return record;
  }

  it.each(['kong/http-log.json', 'kong/kafka-log.json'])(
    '%s: a use, and a refusal, each with what the operator set',
    (file) => {
      const use = line(file, true);
      expect(detectFormat(use)).toBe('kong');
      expect(factOf('kong', use)).toMatchObject({ ...VERIFIED, gateway: 'gw-a' });
      const refused = withField(withField(line(file, false), 'response.status', 401), 'tries', []);
      expect(factOf('kong', withField(refused, 'latencies.proxy', -1))).toMatchObject({ ...REFUSED, gateway: 'gw-a' });
    },
  );

  it('takes out at the gateway what the serializer leaves in clear', () => {
    const left = JSON.stringify(line('kong/http-log.json', true));
    expect(left).not.toMatch(/secret-cookie|secret-in-query/);
    expect(readRecord('kong', line('kong/http-log.json', true)).credentials).toEqual([]);
  });
});

describe('APISIX', () => {
  type Apisix = { plugins: Record<string, { log_format?: Record<string, string>; functions?: string[] }> };
  const VARIABLES: Record<string, string> = {
    time_iso8601: '2026-03-10T09:00:00+00:00',
    route_id: 'rt-3',
    service_id: 'svc-3',
    request_method: 'GET',
    host: 'api.example.com',
    remote_addr: '192.0.2.80',
    http_user_agent: 'app/1',
    http_x_request_id: 'rq-1',
  };

  /** Every value is text; a variable that is not set leaves its field out. */
  function line(file: string, values: Record<string, string>): JsonObject {
    const { plugins } = read<Apisix>(file);
    const [{ log_format: format }] = Object.values(plugins).filter((plugin) => plugin.log_format !== undefined) as [
      { log_format: Record<string, string> },
    ];
    const record: JsonObject = {};
    const known: Record<string, string> = { ...VARIABLES, ...values };
    for (const [field, value] of Object.entries(format)) {
      const made = value.startsWith('$') ? known[value.slice(1)] : value;
      if (made !== undefined) record[field] = made;
    }
    return record;
  }
  const verified: Record<string, string> = { status: '200', upstream_status: '200', tally_sha256: DIGEST };
  for (const [claim, value] of Object.entries(CLAIMS)) verified[`tally_${claim}`] = String(value);

  it.each(['apisix/http-logger.json', 'apisix/kafka-logger.json'])('%s: a use and a refusal', (file) => {
    const use = line(file, verified);
    expect(detectFormat(use)).toBe('apisix');
    expect(factOf('apisix', use)).toMatchObject({ ...VERIFIED, gateway: 'gw-apisix-1' });
    const refused = line(file, { status: '401', tally_sha256: DIGEST });
    expect(factOf('apisix', refused)).toMatchObject(REFUSED);
  });

  it('sets every variable that the format names itself', () => {
    const { plugins } = read<Apisix>('apisix/http-logger.json');
    const code = plugins['serverless-post-function']!.functions![0]!;
    const named = Object.values(plugins['http-logger']!.log_format!).filter((value) => value.startsWith('$tally_'));
    for (const variable of named)
      expect(code).toContain(variable === '$tally_sha256' ? 'tally_sha256' : `'${variable.slice(7)}'`);
  });
});

describe('Envoy', () => {
  type Envoy = { access_log: { typed_config: { log_format: { json_format: Record<string, string> } } }[] };
  const OPERATORS: Record<string, JsonObject[string]> = {
    '%START_TIME%': '2026-03-10T09:00:31.500Z',
    '%REQ(:METHOD)%': 'GET',
    '%REQ(:AUTHORITY)%': 'api.example.com',
    '%RESPONSE_CODE%': 200,
    '%RESPONSE_CODE_DETAILS%': 'via_upstream',
    '%RESPONSE_FLAGS%': '-',
    '%DURATION%': 7,
    '%REQ(X-REQUEST-ID)%': 'a5e8c5e2a6c648fd2e0874da551c7d67',
    '%DOWNSTREAM_REMOTE_ADDRESS%': '192.0.2.30:51234',
    '%UPSTREAM_CLUSTER%': 'invoices',
    '%ROUTE_NAME%': 'invoices',
    '%REQ(USER-AGENT)%': 'billing-cli/1.9',
    '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%': { verified_jwt: CLAIMS },
    '%DYNAMIC_METADATA(tally:token_sha256)%': DIGEST,
    '%NODE_ID%': 'gw-envoy-1',
  };

  function line(changes: Record<string, JsonObject[string]>): JsonObject {
    const { json_format: format } = read<Envoy>('envoy/access-log.json').access_log[0]!.typed_config.log_format;
    const known: Record<string, JsonObject[string]> = { ...OPERATORS, ...changes };
    const record: JsonObject = {};
    for (const [field, value] of Object.entries(format)) {
      if (value.startsWith('%') && !(value in known)) throw new Error(`no sample of ${value}`);
      const made = value.startsWith('%') ? known[value] : value;
      // omit_empty_values
      if (made !== null && made !== undefined) record[field] = made;
    }
    return record;
  }

  it('access-log.json: a use, and a refusal with its reason', () => {
    expect(detectFormat(line({}))).toBe('envoy');
    expect(factOf('envoy', line({}))).toMatchObject({ ...VERIFIED, gateway: 'gw-envoy-1' });
    const refused = line({
      '%RESPONSE_CODE%': 401,
      '%RESPONSE_CODE_DETAILS%': 'jwt_authn_access_denied{Jwt_is_expired}',
      '%UPSTREAM_CLUSTER%': null,
      '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%': null,
    });
    expect(factOf('envoy', refused)).toMatchObject({ ...REFUSED, data: { reason: 'expired' } });
  });
});

describe('Keycloak', () => {
  it('event.json: a renewal with its predecessor; a realm saves every type that says something', () => {
    const { event } = read<{ event: JsonObject }>('keycloak/event.json');
    expect(detectFormat(event)).toBe('keycloak');
    const { reading } = readRecord('keycloak', event);
    expect(reading).toMatchObject({ kind: 'facts' });
    expect(JSON.stringify(reading)).toContain('rt-100-2');
    const { enabledEventTypes } = read<{ enabledEventTypes: string[] }>('keycloak/realm-events.json');
    expect(enabledEventTypes).toEqual(
      expect.arrayContaining(['REFRESH_TOKEN', 'INTROSPECT_TOKEN', 'REVOKE_GRANT', 'LOGOUT']),
    );
    for (const type of enabledEventTypes)
      expect({ type, kind: readRecord('keycloak', { ...event, type }).reading.kind }).not.toMatchObject({
        kind: 'rejected',
      });
  });
});

describe('Okta', () => {
  type Deliveries = {
    system_log: JsonObject[];
    event_hook: { data: { events: JsonObject[] } };
    event_bridge: { detail: JsonObject };
  };
  it('deliveries.json: three ways, one event', () => {
    const { system_log: log, event_hook: hook, event_bridge: bridge } = read<Deliveries>('okta/deliveries.json');
    for (const event of [...log, ...hook.data.events, bridge.detail]) {
      expect(detectFormat(event)).toBe('okta');
      expect(factOf('okta', event)).toMatchObject({ type: 'token.revoked' });
    }
    // The wrapping itself is of no format.
    expect(detectFormat(JSON.parse(JSON.stringify(hook)) as JsonObject)).toBeUndefined();
  });
});
