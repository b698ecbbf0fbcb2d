import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { Sought } from './leaks.js';
import { cloudEvent, lineOf, vary } from './lines.js';
import { after, caseRecord, iso, Product, sha256, sumsUp, type JsonLine } from './product.js';

/** Raw credentials in other places than those of case 11; each variant has a token of its own to be found by. */

const end = after(700);

let minted = 0;
/** A token that looks like a JWT, with claims and a signature that occur nowhere else. */
function jwt(header: JsonLine = {}, indent?: number): string {
  const n = minted++;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value, undefined, indent)).toString('base64url');
  const claims = { iss: 'https://leak.example.com/', sub: `leaked-${n}`, jti: `leak-jti-${n}`, nonce: sha256(`nonce ${n}`) };
  return `${part({ alg: 'RS256', kid: `leak-kid-${n}`, ...header })}.${part(claims)}.${sha256(`signature ${n}`)}_-Zz`;
}
function opaque(): string {
  return `Opq${sha256(`opaque ${minted++}`).slice(0, 40)}`;
}

/** The default format of APISIX without any credential. */
function call(changes: JsonLine): JsonLine {
  const bare = caseRecord('10-duplicates.apisix.ndjson', 1);
  return vary(bare, { consumer: undefined, 'request.headers.x-request-id': `place-${minted++}`, ...changes });
}
const auth = (value: unknown): JsonLine => call({ 'request.headers.authorization': value });
const header = (name: string, value: unknown): JsonLine => {
  const line = call({});
  const { headers } = line['request'] as { headers: JsonLine };
  headers[name] = value;
  return line;
};
const uri = (value: string): JsonLine => call({ 'request.uri': value, 'request.url': `https://api.example.com:9443${value}` });

/** `named`: the hash of the token names it. `unnamed`: it is not the request's, or not whole. */
type Place = [what: string, place: (token: string) => JsonLine | string, identity: 'named' | 'unnamed', token?: () => string];

const REQUESTS: Place[] = [
  ['Authorization', (t) => auth(`Bearer ${t}`), 'named'],
  ['AUTHORIZATION in capitals, scheme too', (t) => header('AUTHORIZATION', `BEARER ${t}`), 'named'],
  ['Authorization with a tab', (t) => auth(`Bearer\t${t}`), 'named'],
  ['Authorization without a scheme', (t) => auth(t), 'named'],
  ['Authorization as a list', (t) => auth([`Bearer ${t}`]), 'named'],
  ['Authorization, DPoP scheme', (t) => auth(`DPoP ${t}`), 'named'],
  ['Authorization, an opaque token', (t) => auth(`Bearer ${t}`), 'named', opaque],
  ['Authorization, an unsigned token', (t) => auth(`Bearer ${t}`), 'named', () => jwt({ alg: 'none' }).replace(/[^.]+$/, '')],
  ['Authorization, a token with blanks in its JSON', (t) => auth(`Bearer ${t}`), 'named', () => jwt({}, 2)],
  ['Authorization, cut in the payload', (t) => auth(`Bearer ${t.slice(0, 150)}`), 'unnamed'],
  ['Authorization, cut in the header', (t) => auth(`Bearer ${t.slice(0, 30)}`), 'unnamed'],
  ['Authorization, cut with dots', (t) => auth(`Bearer ${t.slice(0, -20)}...`), 'unnamed'],
  ['Proxy-Authorization', (t) => header('proxy-authorization', `Bearer ${t}`), 'unnamed'],
  ['Basic', (t) => auth(`Basic ${Buffer.from(`user:${t}`).toString('base64')}`), 'unnamed', opaque],
  ['x-forwarded-access-token', (t) => header('X-Forwarded-Access-Token', t), 'named'],
  ['x-auth-token', (t) => header('x-auth-token', t), 'named'],
  ['x-amzn-oidc-data', (t) => header('x-amzn-oidc-data', t), 'named'],
  ['cf-access-jwt-assertion', (t) => header('Cf-Access-Jwt-Assertion', t), 'named'],
  ['a header nobody knows', (t) => header('x-our-own-thing', t), 'unnamed'],
  ['a header nobody knows, with words', (t) => header('x-our-own-thing', `user=7; proof=${t}; ok`), 'unnamed'],
  ['a DPoP proof', (t) => header('dpop', t), 'unnamed', () => jwt({ typ: 'dpop+jwt' })],
  ['an id token header', (t) => header('x-id-token', t), 'unnamed'],
  ['a referer', (t) => header('referer', `https://app.example.com/cb#access_token=${t}&state=1`), 'unnamed'],
  ['a user agent', (t) => header('user-agent', `app/1 (${t})`), 'unnamed'],
  ['a forwarded header', (t) => header('forwarded', `for=192.0.2.1;proto=https;token=${t}`), 'unnamed'],
  ['a cookie of another name', (t) => header('cookie', `a=b; __Host-auth-token=${t}`), 'named'],
  ['a cookie in quotes', (t) => header('Cookie', `jwt="${t}"`), 'named'],
  ['a cookie in two pieces', (t) => header('cookie', `s.0=${t.slice(0, 90)}; s.1=${t.slice(90)}`), 'unnamed'],
  ['Set-Cookie as a list', (t) => call({ 'response.headers.set-cookie': [`a=b; Path=/`, `sess=${t}; HttpOnly`] }), 'unnamed'],
  ['a redirect', (t) => call({ 'response.headers.location': `https://app.example.com/#id_token=${t}` }), 'unnamed'],
  ['x-api-key', (t) => header('X-API-KEY', t), 'named', opaque],
  ['x-api-key beside Authorization', (t) => vary(header('x-api-key', t), { 'request.headers.authorization': 'Bearer REDACTED' }), 'unnamed', opaque],
  ['the path', (t) => uri(`/reset/${t}/confirm`), 'unnamed'],
  ['the query', (t) => uri(`/pay?page=2&access_token=${t}&x=1`), 'named'],
  ['the query, in capitals', (t) => uri(`/pay?ACCESS_TOKEN=${t}`), 'named'],
  ['the query, percent-encoded', (t) => uri(`/pay?access%5Ftoken=${t.replaceAll('.', '%2E')}`), 'unnamed'],
  ['the query, encoded once more', (t) => uri(`/go?to=${encodeURIComponent(`https://app/?access_token=${t}`)}`), 'unnamed'],
  ['the query, encoded twice more', (t) => uri(`/go?to=${encodeURIComponent(encodeURIComponent(`https://app/?token=${t}`))}`), 'unnamed'],
  ['the query, its first letter encoded', (t) => uri(`/go?x=%65${t.slice(1)}`), 'unnamed'],
  ['the query, an opaque token', (t) => uri(`/pay?access_token=${t}`), 'named', opaque],
  ['the query, an authorization code', (t) => uri(`/cb?code=${t}&state=1`), 'unnamed', opaque],
  ['the query, a signature', (t) => uri(`/blob?sig=${t}`), 'unnamed', opaque],
  ['user information', (t) => call({ 'request.url': `https://user:${t}@api.example.com/pay` }), 'unnamed', opaque],
  ['the query as an object', (t) => call({ 'request.querystring': { access_token: t } }), 'named'],
  ['the query as an object of lists', (t) => call({ 'request.querystring': { access_token: [t, 'x'] } }), 'named'],
  ['a body of JSON', (t) => call({ 'request.body': JSON.stringify({ access_token: t }) }), 'unnamed'],
  ['a body of JSON, an opaque token', (t) => call({ 'request.body': JSON.stringify({ refresh_token: t }) }), 'unnamed', opaque],
  ['a body of JSON in JSON', (t) => call({ 'request.body': JSON.stringify(JSON.stringify({ a: { id_token: t } })) }), 'unnamed'],
  ['a body with \\u escapes', (t) => call({ 'request.body': `{"x":"\\u0065${t.slice(1)}"}` }), 'unnamed'],
  ['a body of a form', (t) => call({ 'request.body': `grant_type=refresh_token&refresh_token=${t}` }), 'unnamed', opaque],
  ['a body in base64', (t) => call({ 'request.body': Buffer.from(`{"token":"${t}"}`).toString('base64') }), 'unnamed'],
  ['a body in base64 of base64', (t) => call({ 'request.body': Buffer.from(Buffer.from(t).toString('base64')).toString('base64') }), 'unnamed'],
  ['a body of gzip in base64', (t) => call({ 'request.body': gzipSync(t).toString('base64') }), 'unnamed'],
  ['a body in hex', (t) => call({ 'request.body': Buffer.from(t).toString('hex') }), 'unnamed'],
  ['the payload part alone', (t) => header('x-claims', t.split('.')[1]!), 'unnamed'],
  ['a property’s name', (t) => call({ [`custom.${t.replaceAll('.', '·')}`]: 1 }), 'unnamed'],
  ['a list of name and value', (t) => call({ 'request.list': [{ name: 'Authorization', value: `Bearer ${t}` }] }), 'unnamed'],
  ['the version', (t) => call({ deployment_version: t }), 'unnamed'],
  ['the gateway', (t) => call({ 'server.hostname': `gw-${t}` }), 'unnamed'],
  ['the service', (t) => call({ service_id: t, route_id: t }), 'unnamed'],
  ['the request id', (t) => call({ 'request.headers.x-request-id': t }), 'unnamed'],
  ['the consumer', (t) => call({ consumer: { username: t } }), 'unnamed'],
  ['the host', (t) => call({ 'request.headers.host': `${t}.example.com` }), 'unnamed'],
  ['the status', (t) => call({ 'response.status': t }), 'unnamed'],
  ['an upstream', (t) => call({ upstream: `http://u:${t}@198.51.100.20` }), 'unnamed', opaque],
];

const OTHERS: Place[] = [
  ['Kong, a header', (t) => lineOf('kong', { 'request.headers.authorization': `Bearer ${t}`, token_jti: undefined, token_sub: undefined }), 'named'],
  ['Kong, the jti', (t) => lineOf('kong', { token_jti: t }), 'unnamed'],
  ['Kong, the subject', (t) => lineOf('kong', { token_sub: t, token_jti: 'k1' }), 'unnamed'],
  ['Kong, the error', (t) => lineOf('kong', { auth_error: `bad token ${t}`, 'response.status': 401, tries: [], token_jti: 'k2' }), 'unnamed'],
  ['Kong, the upstream’s query', (t) => lineOf('kong', { upstream_uri: `/o?jwt=${t}`, token_jti: 'k3' }), 'unnamed'],
  ['Kong, a cookie beside a masked header', (t) => lineOf('kong', { 'request.headers.cookie': `token=${t}`, token_jti: undefined }), 'named'],
  ['Envoy, the path', (t) => lineOf('envoy', { path: `/v2?token=${t}`, token_sha256: undefined, jwt: null }), 'named'],
  ['Envoy, the details', (t) => lineOf('envoy', { response_code_details: `jwt_authn_access_denied{${t}}` }), 'unnamed'],
  ['Envoy, an unverified audience', (t) => lineOf('envoy', { 'jwt.verified_jwt.aud': [t], 'jwt.verified_jwt.scope': `a ${t}` }), 'unnamed'],
  ['Envoy, act', (t) => lineOf('envoy', { 'jwt.verified_jwt.act': { sub: t }, 'jwt.verified_jwt.client_id': t }), 'unnamed'],
  ['Tyk, api_key', (t) => lineOf('tyk', { api_key: t }), 'named', opaque],
  ['Tyk, raw_path', (t) => lineOf('tyk', { raw_path: `/catalog/${t}` }), 'unnamed'],
  ['Tyk, raw_request in base64', (t) => lineOf('tyk', { api_key: '', raw_request: Buffer.from(`GET / HTTP/1.1\r\nAuthorization: Bearer ${t}\r\n\r\n`).toString('base64') }), 'named'],
  ['Tyk, raw_response in base64', (t) => lineOf('tyk', { raw_response: Buffer.from(`{"access_token":"${t}"}`).toString('base64') }), 'unnamed'],
  ['Tyk, a tag', (t) => lineOf('tyk', { tags: [`deploy-${t}`, `gw-${t}`] }), 'unnamed'],
  ['Tyk, alias', (t) => lineOf('tyk', { alias: t, api_name: t, oauth_id: t }), 'unnamed'],
  ['Apigee, a header', (t) => lineOf('apigee', { 'request.header.authorization': `Bearer ${t}` }), 'unnamed'],
  ['Apigee, access_token', (t) => lineOf('apigee', { access_token: t, access_token_hash: undefined }), 'named', opaque],
  ['Apigee, a query', (t) => lineOf('apigee', { 'request.uri': `/oauth/token?client_secret=${t}` }), 'unnamed', opaque],
  ['Apigee, scope', (t) => lineOf('apigee', { scope: `read ${t}`, client_id: t }), 'unnamed'],
  ['Keycloak, a redirect', (t) => lineOf('keycloak', { 'details.redirect_uri': `https://app/#access_token=${t}`, 'details.token_id': 'k4' }), 'unnamed'],
  ['Keycloak, the token’s id', (t) => lineOf('keycloak', { 'details.token_id': t, 'details.refresh_token_id': t }), 'unnamed'],
  ['Keycloak, the session', (t) => lineOf('keycloak', { sessionId: t, 'details.token_id': 'k5', 'details.refresh_token_id': 'k6' }), 'unnamed'],
  ['Keycloak, the error', (t) => lineOf('keycloak', { type: 'REFRESH_TOKEN_ERROR', error: t, 'details.reason': `bad ${t}`, 'details.refresh_token_id': 'k7' }), 'unnamed'],
  ['Okta, the request uri', (t) => lineOf('okta', { 'debugContext.debugData.requestUri': `/token?refresh_token=${t}` }), 'unnamed', opaque],
  ['Okta, the target', (t) => lineOf('okta', { 'target.0.id': t, displayMessage: t }), 'unnamed'],
  ['Okta, the reason', (t) => lineOf('okta', { 'outcome.result': 'FAILURE', 'outcome.reason': `bad ${t}` }), 'unnamed'],
  ['CloudEvents, access_token', (t) => cloudEvent('token.validated', iso(5), { access_token: t }), 'named'],
  ['CloudEvents, subject and extension', (t) => cloudEvent('token.validated', iso(5), { issuer: 'i', jti: 'c1' }, { subject: t, ext: t }), 'unnamed'],
  ['CloudEvents, id', (t) => cloudEvent('token.validated', iso(5), { issuer: 'i', jti: 'c2' }, { id: t }), 'unnamed'],
  ['CloudEvents, source', (t) => cloudEvent('token.validated', iso(5), { issuer: 'i', jti: 'c3' }, { source: `/x/${t}` }), 'unnamed'],
  ['CloudEvents, an unknown field', (t) => cloudEvent('token.revoked', iso(5), { issuer: 'i', jti: 'c4', cause: `leaked ${t}`, note: t }), 'unnamed'],
  ['CloudEvents, an unknown type', (t) => cloudEvent(`token.${'x'}`, iso(5), { issuer: 'i', jti: 'c5', note: t }), 'unnamed'],
  ['CloudEvents, parent', (t) => cloudEvent('token.issued', iso(5), { issuer: 'i', jti: 'c6', parent: t }), 'unnamed'],
];

describe.each([
  ['requests at APISIX', REQUESTS],
  ['other formats', OTHERS],
])('case 11, raw credentials elsewhere: %s', (_formats, places) => {
  it('keeps no byte of any, counts every line, and names by the hash only what the request carried', async () => {
    const product = await Product.open();
    try {
      const sought = new Sought();
      const named: string[] = [];
      const expected: string[] = [];
      const tokens = places.map(([what, place, identity, mint = jwt]) => {
        const token = mint();
        for (const part of token.split('.').filter((each) => each !== '')) sought.secret(what, part);
        if (identity === 'named') expected.push(what);
        return { what, token, line: place(token) };
      });
      for (const { what, token, line } of tokens) {
        const claims = token.split('.')[1];
        if (claims !== undefined) sought.text(what, String((JSON.parse(Buffer.from(claims, 'base64url').toString()) as JsonLine)['jti']));
        const report = await product.ingest([line]);
        expect([what, sumsUp(report), report.records]).toEqual([what, true, 1]);
        expect(sought.in(JSON.stringify(report))).toEqual([]);
      }
      for (const { what, token } of tokens) {
        const known = await product.token({ sha256: sha256(token) }, end).then(() => true, () => false);
        if (known) named.push(what);
      }
      expect(sought.inFiles(product)).toEqual([]);
      expect(await sought.inAnswers(product, [], end)).toEqual([]);
      expect(named).toEqual(expected);
      // Not even whoever may see persons sees a credential.
      for (const row of (await product.rows('deadletters.list', {})).rows) {
        const letter = await product.value('deadletters.show', { id: String(row['id']), personal: true });
        expect(sought.in(JSON.stringify(letter))).toEqual([]);
      }
      for (const event of await product.export()) {
        const name = String(event['subject']);
        if (/^[0-9a-f]{32}$/.test(name)) expect(sought.in(JSON.stringify(await product.history(name, end, true).catch(() => [])))).toEqual([]);
      }
    } finally {
      await product.close();
    }
  });
});
