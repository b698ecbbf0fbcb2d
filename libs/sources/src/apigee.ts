import { assumedIssuer, canName, lengthPrefixed } from '#lifecycle';
import type { Adapter, JsonObject, ReadContext, Reading } from './adapter.js';
import { NOT_UNICODE } from './claims.js';
import { isTokenEndpoint, readTokenEndpoint } from './apigee-tokens.js';
import { fieldPaths, FieldReader, readRecordTime, statusOf, textOf } from './fields.js';
import { reasonOf } from './refusals.js';
import { readUse, USE_DEDUPE } from './use.js';

const PATHS = fieldPaths({
  time: ['system.timestamp', 'client.received.start.timestamp', 'timestamp', '@timestamp'],
  status: ['response.status.code', 'status.code', 'error.status.code'],
  request_id: ['messageid'],
  organization: ['organization', 'organization.name'],
  environment: ['environment', 'environment.name'],
  client_ip: ['client.ip', 'proxy.client.ip', 'client_ip'],
  gateway: ['gateway_id', 'system.pod.name'],
  region: ['system.region.name', 'region'],
  version: ['deployment_version'],
  api: ['apiproxy.name', 'apiproxy'],
  reason: ['fault.name', 'error', 'error.message'],
  operation: ['operation', 'oauth.operation'],
  client_id: ['client_id', 'oauthv2.client_id'],
  consumer: ['developer.app.name', 'app.name'],
  developer: ['developer.email'],
  grant_type: ['request.formparam.grant_type', 'grant_type'],
  form_grant: ['request.formparam.grant_type'],
  access_token: ['access_token'],
  access_token_hash: ['access_token_hash', 'token_sha256', 'token_hash'],
  refresh_token: ['refresh_token'],
  refresh_token_hash: ['refresh_token_hash'],
  presented_hash: ['presented_refresh_token_hash', 'old_refresh_token_hash'],
  issued_at: ['issued_at'],
  expires_in: ['expires_in'],
  refresh_token_issued_at: ['refresh_token_issued_at'],
  refresh_token_expires_in: ['refresh_token_expires_in'],
  scope: ['scope'],
  target: ['target.response.status.code', 'target.sent.start.timestamp', 'target.name'],
  host: ['request.header.host', 'virtualhost'],
  method: ['request.verb'],
  path: ['request.uri', 'request.path', 'proxy.pathsuffix'],
  agent: ['request.header.user-agent', 'user_agent'],
});

/**
 * Apigee MessageLogging. The operator writes the template: every value is text, an unresolved variable is "". Lines of
 * the token endpoint state issuance, renewal and revocation; all others are uses of a token.
 */
export const apigee: Adapter = {
  format: 'apigee',
  detects(record) {
    if (!('organization' in record) || !('environment' in record)) return false;
    return 'apiproxy' in record || 'apiproxy.name' in record || 'messageid' in record;
  },
  units: {
    'system.timestamp': 'ms as text',
    issued_at: 'ms as text',
    expires_in: 's as text',
    refresh_token_expires_in: 's as text',
  },
  identity: ['access_token_hash (SHA-256 by a policy)', 'access_token in clear', 'developer.app.name'],
  dedupe: {
    version: 1,
    fields: [...USE_DEDUPE.fields, 'operation', 'grant_type', 'access and refresh token', 'expiry'],
  },
  redaction: { access_token: 'token', refresh_token: 'token', apikey: 'key' },
  outcomes: {
    'the token endpoint, 2xx':
      'token.issued; token.renewed or token.rotated on a refresh; token.revoked on a revocation',
    'the token endpoint, an error that names a token': 'token.rejected',
    '2xx, 3xx, and errors of the target': 'token.validated',
    '401, 403': 'token.rejected, reason from fault.name',
    'other errors of the gateway': 'token.observed',
  },
  sample: {
    organization: 'example-org',
    environment: 'prod',
    apiproxy: { name: 'oauth', revision: '12' },
    messageid: 'rt-100-a',
    'system.timestamp': '1773133200000',
    'request.verb': 'POST',
    'request.uri': '/oauth/token',
    'response.status.code': '200',
    client_id: 'app-77',
    'developer.app.name': 'partner-app',
    grant_type: 'client_credentials',
    access_token_hash: '4f66a4283f8bc9768c3cb97fd06d267b79315aee941c9c1727b9354509242ffe',
    issued_at: '1773133200000',
    expires_in: '3599',
    scope: 'read',
    status: 'approved',
  },
  read(record, context): Reading {
    const fields = new FieldReader(record, PATHS, context.profile.fields);
    const time = readRecordTime(fields.get('time'), 'ms', context.profile.zone);
    if ('reason' in time) return { kind: 'rejected', field: fields.pathOf('time'), ...time };
    const org = fields.text('organization') ?? '';
    const env = fields.text('environment') ?? '';
    const messageId = fields.text('request_id');
    for (const field of ['organization', 'environment', 'request_id']) {
      if (canName(fields.text(field) ?? '')) continue;
      return { kind: 'rejected', field: fields.pathOf(field), reason: NOT_UNICODE, redrivable: false };
    }
    const line = {
      fields,
      time: time.at,
      notes: time.notes,
      issuer: issuerOf(context, org, env),
      status: statusOf(fields.get('status')),
      sourceId: messageId === undefined ? undefined : lengthPrefixed([messageId, org, env]),
    };
    return isTokenEndpoint(fields) ? readTokenEndpoint(line, context) : readCall(record, line, context);
  },
};

export interface ApigeeLine {
  fields: FieldReader;
  time: number;
  notes: string[];
  issuer: string;
  status: number | undefined;
  sourceId: string | undefined;
}

function issuerOf({ profile }: ReadContext, org: string, env: string): string {
  const key = [`${org}/${env}`, org].find((each) => Object.hasOwn(profile.issuers, each));
  return (key === undefined ? undefined : profile.issuers[key]) ?? assumedIssuer('apigee', `${org}/${env}`);
}

function readCall(record: JsonObject, { fields, issuer, ...line }: ApigeeLine, context: ReadContext): Reading {
  const client = fields.text('client_id');
  const fault = fields.text('reason');
  // The variables of app and client are filled only after a policy has verified the token or key.
  const attested = (client !== undefined || fields.text('consumer') !== undefined) && fault === undefined;
  return readUse(
    {
      ...line,
      pathOf: (field) => fields.pathOf(field),
      system: 'apigee',
      reason: fault === undefined || !REFUSES.test(fault) ? undefined : reasonOf(fault),
      upstream: fault !== undefined ? false : fields.text('target') !== undefined ? true : undefined,
      attested,
      extra: {
        names: client === undefined ? {} : { cli: context.name('cli', issuer, client) },
        data: { issuer },
      },
      digest: fields.text('access_token_hash'),
      authorization: textOf(record['request.header.authorization']) !== undefined,
      tokenPath: context.profile.fields['token'],
      consumer: fields.get('consumer'),
      address: fields.get('client_ip'),
      agent: fields.get('agent'),
      version: fields.text('version'),
      gateway: fields.text('gateway'),
      region: fields.text('region'),
      api: fields.text('api'),
      host: fields.text('host'),
      method: fields.text('method'),
      path: fields.text('path'),
    },
    context,
  );
}

/** Faults about who or what may call; quotas, spike arrests and target errors are none. */
const REFUSES = /token|oauth|apikey|api_?key|jwt|scope|client|grant|apiproduct|access|auth|signature|issuer|audience/i;
