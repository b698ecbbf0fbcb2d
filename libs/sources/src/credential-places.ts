/** Where credentials stand, by the name of a header, property, query key or cookie (DOMAIN §4, redaction list). */

/** The request's token, a key, or another secret such as an authorization code. */
export type FormPlace = 'query-token' | 'query-key' | 'query-secret';

export type Place =
  | 'authorization'
  | 'proxy-authorization'
  | 'token-header'
  | 'key-header'
  | 'proof'
  | 'cookie'
  | 'set-cookie'
  /** Holds a token wherever it stands: `access_token`. */
  | 'token'
  /** Holds another secret wherever it stands: `client_secret`. */
  | 'secret'
  /** A query or form as an object: keys such as `code` and `token` are credentials inside it. */
  | 'form'
  /** Headers as an object. */
  | 'headers'
  /** One parameter of a query or form under a flattened name: `arg_access_token`, `request.queryparam.code`. */
  | FormPlace
  /** Full HTTP text in base64. */
  | 'base64-http';

const HEADERS = new Map<string, Place>(
  Object.entries({
    authorization: 'authorization',
    'x-original-authorization': 'authorization',
    'x-forwarded-authorization': 'authorization',
    'proxy-authorization': 'proxy-authorization',
    cookie: 'cookie',
    cookies: 'cookie',
    'set-cookie': 'set-cookie',
    dpop: 'proof',
    'x-auth-token': 'token-header',
    'x-access-token': 'token-header',
    'x-forwarded-access-token': 'token-header',
    'x-amzn-oidc-data': 'token-header',
    'x-amzn-oidc-accesstoken': 'token-header',
    'x-goog-iap-jwt-assertion': 'token-header',
    'x-jwt-assertion': 'token-header',
    'cf-access-jwt-assertion': 'token-header',
    'x-id-token': 'secret',
    'x-userinfo': 'secret',
    'x-refresh-token': 'secret',
    'x-amz-security-token': 'secret',
    'x-csrf-token': 'secret',
    'x-xsrf-token': 'secret',
    'x-api-key': 'key-header',
    apikey: 'key-header',
    'api-key': 'key-header',
    'x-apikey': 'key-header',
    'x-auth-key': 'key-header',
    'x-functions-key': 'key-header',
    'x-goog-api-key': 'key-header',
    'ocp-apim-subscription-key': 'key-header',
    'private-token': 'key-header',
    'x-gitlab-token': 'key-header',
    'x-vault-token': 'key-header',
  }),
);

const PROPERTIES = new Map<string, Place>(
  Object.entries({
    access_token: 'token',
    accesstoken: 'token',
    id_token: 'token',
    refresh_token: 'token',
    refreshtoken: 'token',
    raw_token: 'token',
    token_value: 'token',
    bearer_token: 'token',
    subject_token: 'token',
    actor_token: 'token',
    id_token_hint: 'token',
    logout_token: 'token',
    client_assertion: 'secret',
    client_secret: 'secret',
    clientsecret: 'secret',
    password: 'secret',
    passwd: 'secret',
    code_verifier: 'secret',
    device_code: 'secret',
    private_key: 'secret',
    raw_request: 'base64-http',
    raw_response: 'base64-http',
  }),
);

const FORMS = new Set(
  'querystring query query_string queryparams query_params params args arguments form formparams form_params body_params queryparam formparam'.split(
    ' ',
  ),
);

/** Keys that hold a credential in a query, fragment or form, and only there. */
const FORM_KEYS = new Set(
  `access_token id_token refresh_token code token jwt key apikey api_key api-key x-api-key client_secret client_assertion assertion
  subject_token actor_token id_token_hint logout_token device_code code_verifier password passwd secret auth auth_token authorization
  bearer bearer_token session_token sig signature x-amz-signature x-amz-security-token x-amz-credential x-goog-signature sas_token
  subscription-key ticket otp`.split(/\s+/),
);
/** Query keys whose value is the request's token (RFC 6750 §2.3 and what gateways configure). */
const TOKEN_FORM_KEYS = new Set([
  'access_token',
  'token',
  'jwt',
  'bearer',
  'bearer_token',
  'auth_token',
  'authorization',
]);
const KEY_FORM_KEYS = new Set(['key', 'apikey', 'api_key', 'api-key', 'x-api-key', 'subscription-key']);

export function formPlace(key: string): FormPlace | undefined {
  const name = key.toLowerCase();
  if (!FORM_KEYS.has(name)) return undefined;
  if (TOKEN_FORM_KEYS.has(name)) return 'query-token';
  return KEY_FORM_KEYS.has(name) ? 'query-key' : 'query-secret';
}

/** For regular expressions over text: the longest first, so that none hides another. */
const alternatives = (names: Iterable<string>) =>
  [...names]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[-_]/g, '[-_]'))
    .join('|');
export const FORM_KEY_PATTERN = alternatives(FORM_KEYS);
export const FIELD_PATTERN = alternatives(
  new Set([...HEADERS.keys(), ...[...PROPERTIES].flatMap(([name, place]) => (place === 'base64-http' ? [] : [name]))]),
);

/** Cookies that carry the request's token rather than a session of the site. */
export function isTokenCookie(name: string): boolean {
  return /(?:^|[-_.])(?:access|id|auth|bearer|refresh)?[-_]?(?:token|jwt)$/i.test(name);
}

/** The place that a property name stands for; names differ in case, and access-log variables in their prefix. */
export function placeOf(key: string): Place | undefined {
  const lower = key.toLowerCase();
  const property = PROPERTIES.get(lower);
  if (property !== undefined) return property;
  if (FORMS.has(lower)) return 'form';
  if (/^(?:request|response|req|resp|res)?[-_]?headers?$/.test(lower)) return 'headers';
  // NGINX variables: http_x_api_key, sent_http_set_cookie, upstream_http_…, cookie_NAME, arg_NAME.
  const variable = /^(?:sent_|upstream_)?http_(.+)$/.exec(lower)?.[1] ?? lower;
  const header = headerPlace(variable.replaceAll('_', '-'));
  if (header !== undefined) return header;
  const pair = /^(cookie|arg)_(.+)$/.exec(lower);
  if (pair) return pair[1] === 'arg' ? formPlace(pair[2]!) : 'secret';
  // Flattened names: request.header.authorization, request.queryparam.token (Apigee).
  const dot = lower.lastIndexOf('.');
  if (dot === -1) return undefined;
  const [parent, last] = [lower.slice(0, dot), lower.slice(dot + 1)];
  const form = /(?:queryparams?|formparams?|querystring|query|args)$/.test(parent) ? formPlace(last) : undefined;
  if (form !== undefined) return form;
  return placeOf(last);
}

function headerPlace(name: string): Place | undefined {
  return HEADERS.get(name) ?? (name.startsWith('x-ms-token-') ? 'token-header' : undefined);
}
