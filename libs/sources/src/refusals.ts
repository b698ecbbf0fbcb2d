import type { RefusalReason } from '#lifecycle';

/**
 * Gateways' words for a refusal, first match. Covers Envoy's jwt_authn status texts with underscores for blanks
 * (jwt_verify_lib `getStatusString`), Kong and APISIX messages, Apigee fault names, and RFC 6750 error codes.
 */
const REASONS: readonly (readonly [RegExp, RefusalReason])[] = [
  [/not[ _.-]?yet|notbefore|\bnbf\b|used before/, 'not-yet-valid'],
  [/expired|\bexp\b|tokenexp/, 'expired'],
  [
    /doesn.t have key|match(?:ing)? ?kid|unknown kid|no ?(?:matching)? ?(?:public)? ?key|key not found|\bkid\b (?:not|un)|signature ?key ?not/,
    'kid',
  ],
  [
    /must be|invalid (?:base64|json)|is an invalid|malformed|form of header|two dots|bad token|decode|parse|failed to resolve(?! api)|invalid token format/,
    'malformed',
  ],
  [/alg\b|algorithm/, 'algorithm'],
  [/signature|verification fail|verify fail|fails verification/, 'signature'],
  [/issuer|\biss\b/, 'issuer'],
  [/audience|\baud\b/, 'audience'],
  [/missing|no credentials|no api key|no token|not present|failed to resolve api ?key|unresolved/, 'missing'],
  [/scope/, 'scope'],
  [/dpop|\bcnf\b|proof|binding|thumbprint|mtls|client cert/, 'binding'],
  [/stale/, 'stale'],
  [/session/, 'session'],
  [/inactive|revoked|not active|not approved|invalid access token|invalidaccesstoken|invalid api ?key/, 'inactive'],
  [
    /rbac|permission|forbidden|access denied|acl|not allowed|cannot consume|no api ?product match|unauthorized for|policy/,
    'permission',
  ],
  [/jwks|fetch|config|introspection (?:failed|error)|upstream idp|timeout/, 'configuration'],
];

/** The reason in a gateway's text; `other` for words that say nothing of the cause, such as `invalid_token`. */
export function reasonOf(text: string): RefusalReason {
  const plain = text
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[_.:-]+/g, ' ')
    .toLowerCase();
  for (const [pattern, reason] of REASONS) if (pattern.test(plain)) return reason;
  return 'other';
}
