import { FIELD_PATTERN, FORM_KEY_PATTERN, formPlace } from './credential-places.js';

/** What stands in the place of a credential. */
export const MARK = '[redacted]';

/** Masked by an earlier hand, a scheme without its value, or nothing: no credential. */
const MASKED =
  /^(?:(?:bearer|basic|dpop|digest|negotiate)\s*)?(?:\W?(?:redacted|filtered|masked|removed|hidden)\W?|[xX]{4,}|null|undefined|-)?$|\*{3}|^\*\*/i;
export function isMasked(value: string): boolean {
  return MASKED.test(value.trim());
}

/** A credential found in text: what it is, not where. `raw` never leaves this folder. */
export interface TextFinding {
  raw: string;
  place: 'bearer' | 'dpop' | 'basic' | 'query-token' | 'query-key' | 'query-secret' | 'field' | 'jwt' | 'prefix';
}
export type OnFinding = (finding: TextFinding) => void;

/** Anything that a closer look could find a credential in; most strings of a log line have none of it. */
const SUSPECT =
  /eyJ|e(?:yA|w[0kog])[\w-]{8,}\.|[=%@]|ZXlK|V5S|leU[o-r]|bearer|dpop|basic\s|authorization|cookie|token|key|secret|passw|assertion|\b(?:sk|rk|pk|sg|shp|gh|glpat|github|xox|akia|asia|aiza|ya29|npm|pypi|hvs|dop|v[1-4]\.(?:local|public))|-BEGIN/i;

/** Prefixes by which makers of keys mark them, each with the least length that follows. */
const PREFIXED =
  /(?<![A-Za-z0-9])(?:(?:sk|rk|pk)[_-](?:live|test|proj|ant|or)[_-][\w-]{8,}|sk[_-][A-Za-z0-9]{16,}|gh[oprsu]_[A-Za-z0-9]{10,}|github_pat_\w{10,}|xox[a-z]-[A-Za-z0-9-]{8,}|glpat-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{10,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{20,}|hvs\.[\w-]{20,}|dop_v1_[a-f0-9]{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}|SG\.[\w-]{10,}\.[\w-]{10,}|v[1-4]\.(?:local|public)\.[\w-]{10,}(?:\.[\w-]+)?)/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const QUERY = new RegExp(`(^|[?&#;,\\s"'{(/]|%26|%3F|%23)(${FORM_KEY_PATTERN})(=|%3D)([^&#\\s"'<>;,)]*)`, 'gi');
const FIELD = new RegExp(`(^|[^\\w-])((?:${FIELD_PATTERN})\\\\*["']?\\s*:\\s*\\\\*["']?)([^"'\\r\\n\\\\]+)`, 'gi');
const SCHEME = /\b(bearer|dpop|basic)(\s+)([A-Za-z0-9._~+/=-]{8,})/gi;
const USERINFO = /(\/\/)([^/@\s:?#]*:[^/@\s?#]+)(@)/g;
const LOOSE_JWT = /(?<![\w-])e(?:yA|w[0kog])[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g;

/** Whether a string deserves the closer look of `scrub`. */
export function isSuspect(text: string): boolean {
  return SUSPECT.test(text);
}

/** Removes every credential from free text: tokens complete or cut, keys, headers, query values, user information. */
export function redactText(text: string): string {
  return isSuspect(text) ? scrub(text, () => undefined) : text;
}

/** `redactText` that reports what it removed; for strings that `isSuspect`. */
export function scrub(text: string, found: OnFinding): string {
  const once = scrubPlain(text, found);
  return decodesToMore(once) ? MARK : once;
}

function scrubPlain(text: string, found: OnFinding): string {
  const replace =
    (place: (name: string) => TextFinding['place']) =>
    (whole: string, before: string, name: string, mid: string, raw?: string) => {
      const value = raw ?? mid;
      if (value.includes(MARK) || isMasked(value)) return whole;
      found({ raw: value, place: place(name) });
      return raw === undefined ? `${before}${name}${MARK}` : `${before}${name}${mid}${MARK}`;
    };
  let out = text.replace(PRIVATE_KEY, () => (found({ raw: '', place: 'prefix' }), MARK));
  if (out.includes('=') || out.includes('%3')) {
    out = out.replace(QUERY, (whole: string, before: string, name: string, sign: string, raw: string) => {
      if (isMasked(raw) || raw.startsWith(MARK)) return whole;
      const place = formPlace(name.replaceAll('%2D', '-')) ?? 'query-secret';
      // An encoded sign stands in the value of another parameter: a token of some other address.
      found({ raw: decoded(raw), place: sign === '=' || place === 'query-secret' ? place : 'jwt' });
      return `${before}${name}${sign}${MARK}`;
    });
  }
  if (out.includes(':'))
    out = out.replace(FIELD, (w: string, b: string, n: string, raw: string) => replace(() => 'field')(w, b, n, raw));
  out = out.replace(SCHEME, (whole: string, scheme: string, blank: string, raw: string) => {
    // "Bearer authentication" is prose; a token has a digit, mixed case, or is long.
    if (raw.length < 20 && !/\d/.test(raw) && !/[a-z][A-Z]/.test(raw)) return whole;
    found({ raw, place: scheme.toLowerCase() as 'bearer' | 'dpop' | 'basic' });
    return `${scheme}${blank}${MARK}`;
  });
  out = scrubJwts(out, found);
  if (out.includes('@'))
    out = out.replace(
      USERINFO,
      (_, slashes: string, raw: string, end: string) => (found({ raw, place: 'basic' }), `${slashes}${MARK}${end}`),
    );
  return out.replace(PREFIXED, (raw: string) => (found({ raw, place: 'prefix' }), MARK));
}

const inRun = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x30 && code <= 0x39) ||
  code === 0x5f ||
  code === 0x2d;
/** `.~+/=%` beside the letters of base64url: the run that MODEL §9.3 removes. */
const inTail = (code: number): boolean =>
  inRun(code) || code === 0x2e || code === 0x7e || code === 0x2b || code === 0x2f || code === 0x3d || code === 0x25;

function scrubJwts(text: string, found: OnFinding): string {
  let at = text.indexOf('eyJ');
  let out = '';
  let from = 0;
  while (at !== -1) {
    let start = at;
    while (start > from && (inRun(text.charCodeAt(start - 1)) || text[start - 1] === '.')) start--;
    let end = at + 3;
    while (end < text.length && inTail(text.charCodeAt(end))) end++;
    if (start === at || text[at - 1] === '.' || readsAsJson(text.slice(at, end))) {
      found({ raw: text.slice(start, end), place: 'jwt' });
      out += text.slice(from, start) + MARK;
    } else {
      out += text.slice(from, end);
    }
    from = end;
    at = text.indexOf('eyJ', end);
  }
  out += text.slice(from);
  return out.replace(LOOSE_JWT, (raw: string) => (found({ raw, place: 'jwt' }), MARK));
}

/** Inside a longer word (`monkeyJungle`), only what decodes to the start of a JSON object is a token. */
function readsAsJson(run: string): boolean {
  return (
    run.length >= 12 &&
    /^\{"[\w:#.$@/-]*(?:"[\s\S]*)?$/.test(Buffer.from(run.slice(0, 12), 'base64url').toString('latin1'))
  );
}

const BASE64 = /[A-Za-z0-9+/_-]{16,}/g;
/** "eyJ" in base64, at each of its three alignments. */
const BASE64_OF_JWT = /ZXlK|V5S|leU[o-r]/;

/** Whether text hides a credential one encoding deeper: percent-encoded, or in base64. */
function decodesToMore(text: string, depth = 2): boolean {
  if (depth === 0) return false;
  const inner: string[] = [];
  if (/%[0-9A-Fa-f]{2}/.test(text)) inner.push(decoded(text));
  if (text.includes('\\u00'))
    inner.push(
      text.replace(/\\u00([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    );
  if (BASE64_OF_JWT.test(text)) {
    for (const run of text.match(BASE64) ?? []) {
      // What stands before the encoded part (a path, a name) shifts it by up to three places.
      for (let shift = 0; shift < 4; shift++) inner.push(Buffer.from(run.slice(shift), 'base64').toString('latin1'));
    }
  }
  return inner.some((deeper) => {
    let any = false;
    const rest = scrubPlain(deeper, () => {
      any = true;
    });
    return any || decodesToMore(rest, depth - 1);
  });
}

/** Percent-decoding that leaves what is not valid as it is. */
export function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/** A value that may name a token: token characters only, and not cut by whoever logged it. */
export function isWhole(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value) && !value.includes(',') && !value.endsWith('...') && jwtForm(value) !== 'cut';
}

/** Whether a value is a JWT by its look, and if so whether all of it is there: a cut token names nothing. */
export function jwtForm(value: string): 'complete' | 'cut' | 'none' {
  if (!/^e[yw]/.test(value)) return 'none';
  const parts = value.split('.');
  const header = jsonOf(parts[0]!);
  if (header === undefined) return value.startsWith('eyJ') ? 'cut' : 'none';
  // One base64 part with a JSON object in it is an opaque token of some maker (Tyk's keys), not a JWT.
  if (!('alg' in header) && !('typ' in header)) return parts.length === 1 ? 'none' : 'cut';
  if ('enc' in header)
    return parts.length === 5 && parts.every((part, i) => i === 1 || part !== '') ? 'complete' : 'cut';
  if (parts.length !== 3 || jsonOf(parts[1]!) === undefined) return 'cut';
  const unsigned = typeof header['alg'] === 'string' && header['alg'].toLowerCase() === 'none';
  return parts[2] === '' && !unsigned ? 'cut' : 'complete';
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
