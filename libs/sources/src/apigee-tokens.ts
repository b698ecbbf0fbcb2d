import { createHash } from 'node:crypto';
import {
  lengthPrefixed,
  readEpoch,
  readExpiryDuration,
  refusalClass,
  type Name,
  type Names,
  type ObservationType,
} from '#lifecycle';
import type { Draft, Personal, ReadContext, Reading } from './adapter.js';
import type { ApigeeLine } from './apigee.js';
import { NOT_UNICODE, readScopes } from './claims.js';
import type { FieldReader } from './fields.js';
import { readClientAddress } from './net.js';
import { agentProduct } from './presenter.js';
import { reasonOf } from './refusals.js';
import { rawPaths } from './use.js';

const OPERATION = /GenerateAccessToken|RefreshAccessToken|RevokeOAuthV2|InvalidateToken|GenerateJWTAccessToken/i;

const PATH = /\/(?:(?:access[-_]?|refresh[-_]?)?token|refresh|(?:revoke|invalidate)(?:[-_]?token)?)(?:\?|$)/i;

/**
 * Whether a line is of the token endpoint: by its operation, its path, or a grant in its form. Lifetime and grant alone
 * do not tell, because a policy that verifies a token fills the same variables on every call.
 */
export function isTokenEndpoint(fields: FieldReader): boolean {
  const operation = fields.text('operation');
  if (operation !== undefined) return OPERATION.test(operation);
  if (fields.text('form_grant') !== undefined) return true;
  const path = fields.text('path');
  if (path !== undefined) return PATH.test(path);
  return fields.text('grant_type') !== undefined && fields.get('expires_in') !== undefined;
}

/**
 * The facts of a token endpoint line. A refresh issues a new access token; the refresh token that it names is renewed,
 * or rotated where the profile says that a use ends it.
 */
export function readTokenEndpoint(line: ApigeeLine, context: ReadContext): Reading {
  const { fields, time, status } = line;
  const unreadable = ['client_id', 'consumer'].find(
    (field) => !(fields.text(field) ?? '').isWellFormed() || fields.text(field)?.includes('\u0000'),
  );
  if (unreadable !== undefined)
    return { kind: 'rejected', field: fields.pathOf(unreadable), reason: NOT_UNICODE, redrivable: false };
  const access = tokenOf(fields, 'access_token', context);
  const refresh = tokenOf(fields, 'refresh_token', context);
  const presented = nameOfHash(fields.text('presented_hash'), context);
  const common = commonNames(line, context);
  const base = baseData(line, context);
  const drafts: Draft[] = [];
  const add = (type: ObservationType, tok: Name, data: Record<string, unknown>) =>
    drafts.push(placed(line, { type, time, names: { tok, ...common }, data: { ...base, ...data } }));

  const revokes =
    /revoke|invalidate/i.test(fields.text('operation') ?? '') ||
    /\/(?:revoke|invalidate)/i.test(fields.text('path') ?? '');
  const fault = fields.text('reason');
  const refused = (status !== undefined && status >= 400) || fault !== undefined;
  const grantType = fields.text('grant_type');
  const refreshes = grantType === 'refresh_token' || /RefreshAccessToken/i.test(fields.text('operation') ?? '');
  if (refused) {
    const reason = fault === undefined ? undefined : reasonOf(fault);
    const tok = presented ?? refresh ?? access;
    const data = { ...(status !== undefined && { status }), ...(reason !== undefined && { reason }) };
    // A server error decided nothing about the token; RFC 7009 §2.2.1: after 503 it is still valid.
    const decided = status === undefined || status < 500;
    if (tok !== undefined && !revokes) {
      const kind = tok === access ? 'access' : 'refresh';
      if (decided) add('token.rejected', tok, { kind, ...data, class: refusalClass(reason, status, false) });
      else add('token.observed', tok, { kind, ...data });
    }
  } else if (revokes) {
    for (const tok of [access, refresh]) {
      if (tok !== undefined)
        add('token.revoked', tok, { kind: tok === access ? 'access' : 'refresh', cause: 'revocation', scope: 'token' });
    }
  } else {
    const grant = grantType === undefined ? {} : { grantType };
    const accessData = { kind: 'access', ...grant, ...lifetime(line, 'issued_at', 'expires_in', context) };
    const refreshData = {
      kind: 'refresh',
      ...grant,
      ...lifetime(line, 'refresh_token_issued_at', 'refresh_token_expires_in', context),
    };
    if (access !== undefined) add('token.issued', access, accessData);
    if (!refreshes) {
      if (refresh !== undefined) add('token.issued', refresh, refreshData);
    } else if (presented !== undefined && refresh !== undefined && presented !== refresh) {
      const ends = context.profile.refreshTokens === 'revoke';
      add(ends ? 'token.rotated' : 'token.renewed', presented, { kind: 'refresh', ...grant, successor: refresh });
      add('token.issued', refresh, { ...refreshData, parent: presented });
    } else {
      const renewed = presented ?? refresh;
      if (renewed !== undefined) add('token.renewed', renewed, refreshData);
    }
  }
  if (drafts.length === 0) return { kind: 'ignored', why: 'a token endpoint line that names no token' };
  const dedupe = dedupeOf(line, drafts);
  const sourceId = line.sourceId ?? createHash('sha256').update(lengthPrefixed(dedupe)).digest('hex');
  return { kind: 'facts', sourceId, dedupe, drafts, personal: personalOf(fields) };
}

/** By its hash, else by the credential that stood there in clear. */
function tokenOf(fields: FieldReader, field: 'access_token' | 'refresh_token', context: ReadContext): Name | undefined {
  const path = fields.pathOf(field);
  return (
    nameOfHash(fields.text(`${field}_hash`), context) ?? context.credentials.find((found) => found.path === path)?.name
  );
}

function nameOfHash(hash: string | undefined, context: ReadContext): Name | undefined {
  return hash === undefined ? undefined : context.nameOfDigest(hash);
}

function commonNames({ fields, issuer }: ApigeeLine, { name, profile }: ReadContext): Names {
  const names: Names = {};
  const [client, app] = [fields.text('client_id'), fields.text('consumer')];
  if (client !== undefined) names.cli = name('cli', issuer, client);
  if (app !== undefined) names.con = name('con', 'apigee', app);
  const address = readClientAddress(fields.get('client_ip'), profile.trustedProxies);
  if (address) names.net = name('net', address.network);
  return names;
}

function baseData({ fields, issuer, notes }: ApigeeLine, { credentials }: ReadContext): Record<string, unknown> {
  const data: Record<string, unknown> = { issuer, verified: true };
  const agent = agentProduct(fields.get('agent'));
  if (agent !== undefined) data['agent'] = agent;
  if (credentials.length > 0) data['raw'] = rawPaths(credentials);
  if (notes.length > 0) data['notes'] = notes;
  return data;
}

/** `issued_at` in ms, `expires_in` in seconds from then; an unresolved variable is "". */
function lifetime(
  { fields, time }: ApigeeLine,
  issued: string,
  lasts: string,
  { profile }: ReadContext,
): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  const issuedAt = fields.text(issued);
  const reading = issuedAt === undefined ? undefined : readEpoch(issuedAt, 'ms');
  if (reading) data['iat'] = reading.at;
  const value = fields.get(lasts);
  if (value !== undefined) data['expiry'] = readExpiryDuration(value, reading?.at ?? time, profile.oddExpiry);
  const scopes = readScopes(fields.get('scope'));
  if (scopes !== undefined && scopes.length > 0) data['scopes'] = scopes;
  return data;
}

function placed({ fields }: ApigeeLine, draft: Draft): Draft {
  for (const field of ['version', 'gateway', 'region', 'api'] as const) {
    const value = fields.text(field);
    if (value !== undefined) draft[field] = value;
  }
  return draft;
}

function personalOf(fields: FieldReader): Personal {
  const personal: Personal = {};
  const [userName, agent] = [fields.text('developer') ?? fields.text('consumer'), fields.text('agent')];
  if (userName !== undefined) personal.userName = userName;
  if (agent !== undefined) personal.agent = agent;
  const address = readClientAddress(fields.get('client_ip'));
  if (address) personal.address = address.address;
  return personal;
}

function dedupeOf({ time, status }: ApigeeLine, drafts: Draft[]): string[] {
  const parts = drafts.map(({ type, names, data, version, gateway, region, api }) =>
    JSON.stringify([
      type,
      Object.entries(names).sort(),
      data['expiry'] ?? null,
      data['iat'] ?? null,
      data['scopes'] ?? null,
      data['reason'] ?? null,
      data['grantType'] ?? null,
      version,
      gateway,
      region,
      api,
    ]),
  );
  return [String(time), String(status ?? ''), ...parts];
}
