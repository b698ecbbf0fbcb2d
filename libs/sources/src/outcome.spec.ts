import { describe, expect, it } from '@jest/globals';
import { NO_SETTINGS, profileOf } from '#lifecycle';
import { aliasOf } from './alias.js';
import { outcomeOf, type Answer } from './outcome.js';
import { reasonOf } from './refusals.js';

describe('outcomeOf (MODEL §2.4)', () => {
  it.each<[string, Partial<Answer>, string]>([
    ['accepted', { status: 200 }, 'validated'],
    ['accepted by the edge alone', { status: 200, upstream: false }, 'validated'],
    ['redirected by the upstream', { status: 302, upstream: true }, 'validated'],
    ['redirected by the edge, to log in', { status: 302, upstream: false }, 'observed'],
    ['refused', { status: 401 }, 'rejected'],
    ['refused by the edge after verification', { status: 403, attested: true, upstream: false }, 'rejected'],
    [
      'refused by the upstream after verification',
      { status: 403, attested: true, upstream: true },
      'validated, upstream 403',
    ],
    ['refused by an upstream that checks by itself', { status: 401, upstream: true }, 'rejected'],
    ['not found behind the gateway', { status: 404, upstream: true }, 'validated, upstream 404'],
    ['no route', { status: 404, upstream: false }, 'observed'],
    ['rate limited after verification', { status: 429, upstream: false, attested: true }, 'validated'],
    ['rate limited before', { status: 429, upstream: false }, 'observed'],
    ['an error of nobody knows whom', { status: 500 }, 'observed'],
    ['no answer', {}, 'observed'],
    ['no answer after verification', { attested: true }, 'validated'],
    ['a reason with another status', { status: 302, reason: 'expired' }, 'rejected'],
    ['a reason, yet served', { status: 200, reason: 'expired' }, 'observed'],
    ['anonymous', { status: 200, anonymous: true, attested: true }, 'observed'],
  ])('%s', (_, answer, expected) => {
    const { type, upstreamStatus } = outcomeOf({ attested: false, anonymous: false, ...answer });
    expect(`${type}${upstreamStatus === undefined ? '' : `, upstream ${upstreamStatus}`}`).toBe(`token.${expected}`);
  });
});

describe('reasonOf', () => {
  it.each([
    ['Jwt_is_expired', 'expired'],
    ['Jwt_not_yet_valid', 'not-yet-valid'],
    ['Jwt_is_missing', 'missing'],
    ['Jwt_verification_fails', 'signature'],
    ['Jwt_issuer_is_not_configured', 'issuer'],
    ['Audiences_in_Jwt_are_not_allowed', 'audience'],
    ["Jwks_doesn't_have_key_to_match_kid_or_alg_from_Jwt", 'kid'],
    ['Jwt_header_[alg]_is_not_supported', 'algorithm'],
    ['Jwt_header_is_an_invalid_JSON', 'malformed'],
    ['Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections', 'malformed'],
    ['Jwks_remote_fetch_is_failed', 'configuration'],
    ['token_inactive', 'inactive'],
    ['token_revoked', 'inactive'],
    ['Invalid signature', 'signature'],
    ["No credentials found for given 'iss'", 'issuer'],
    ['No API key found in request', 'missing'],
    ['You cannot consume this service', 'permission'],
    ['insufficient_scope', 'scope'],
    ['invalid_token', 'other'],
    ['keymanagement.service.access_token_expired', 'expired'],
    ['keymanagement.service.invalid_access_token', 'inactive'],
    ['InvalidAccessToken', 'inactive'],
    ['InsufficientScope', 'scope'],
    ['FailedToResolveAPIKey', 'missing'],
    ['InvalidApiKey', 'inactive'],
    ['InvalidAPICallAsNoApiProductMatchFound', 'permission'],
    ['steps.jwt.TokenExpired', 'expired'],
    ['steps.jwt.TokenNotYetValid', 'not-yet-valid'],
    ['steps.jwt.NoMatchingPublicKey', 'kid'],
    ['failed to verify jwt: signature mismatch', 'signature'],
    ['DPoP proof is invalid', 'binding'],
  ])('%s is %s', (text, reason) => expect(reasonOf(text)).toBe(reason));
});

describe('aliasOf (MODEL §1.4)', () => {
  const profile = profileOf(NO_SETTINGS, 'kong')!;
  const [jti, tok, cred] = ['2', '3', '4'].map((kind) => kind.padEnd(32, '0')) as [string, string, string];
  it('joins jti and tok on verified claims', () => {
    expect(aliasOf({ jti, tok, cred }, { verified: true }, profile)).toEqual({ pair: 'jti-tok', names: [jti, tok] });
    expect(aliasOf({ jti, tok }, {}, profile)).toBeUndefined();
    expect(aliasOf({ jti }, { verified: true }, profile)).toBeUndefined();
  });
  it('joins cred and tok only where the credential is the token', () => {
    expect(aliasOf({ cred, tok }, {}, profile)).toBeUndefined();
    expect(aliasOf({ cred, tok }, { kind: 'apiKey' }, profile)).toEqual({ pair: 'cred-tok', names: [cred, tok] });
    expect(aliasOf({ cred, tok }, {}, { ...profile, credentialIsToken: true })?.pair).toBe('cred-tok');
  });
  it('joins nothing for a refused key or an anonymous consumer', () => {
    expect(aliasOf({ cred, tok }, { kind: 'apiKey', class: 'who' }, profile)).toBeUndefined();
    expect(aliasOf({ cred, tok }, { kind: 'apiKey', anonymous: true }, profile)).toBeUndefined();
  });
});
