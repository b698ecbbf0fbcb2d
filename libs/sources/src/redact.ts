import type { Name } from '#lifecycle';
import type { Adapter, FoundCredential, Json, JsonObject } from './adapter.js';
import { isTokenCookie, placeOf, type FormPlace, type Place } from './credential-places.js';
import { propertyOf, type Property } from './property-names.js';
import {
  isMasked,
  isSuspect,
  isWhole,
  jwtForm,
  MARK,
  redactText,
  scrub,
  type TextFinding,
} from './credential-shapes.js';

/** JSON deeper than this is cut off: no log line needs it, and a walk must not be driven out of its stack. */
const MAX_DEPTH = 100;

export interface Redacted {
  record: JsonObject;
  /** In order of precedence as the request's credential: Authorization, query, token header, cookie, key, others. */
  credentials: FoundCredential[];
}

/**
 * Takes every credential out of a parsed record, in place, before anything else reads it.
 * @param nameOfRawToken the tok name of a raw token or key, under the tenant's token secret.
 * @param rules the format's own fields (`Adapter.redaction`), by top-level property.
 */
export function redact(
  record: JsonObject,
  nameOfRawToken: (raw: string) => Name,
  rules: Adapter['redaction'] = {},
): Redacted {
  const walk = new Walk(nameOfRawToken);
  for (const key in rules) {
    if (Object.hasOwn(record, key)) record[key] = walk.byRule(record[key]!, rules[key]!, key);
  }
  walk.object(record, undefined, 0, rules);
  const { credentials } = walk;
  if (credentials.length > 1) credentials.sort((a, b) => rankOf(a) - rankOf(b));
  return { record, credentials };
}

function rankOf({ place, kind, path }: FoundCredential): number {
  const token = kind === 'token';
  if (place === 'bearer' || place === 'dpop') return token ? 0 : 4;
  if (place === 'query') return token ? 1 : 5;
  if (place === 'token-header') return /(?:^|\.)response\./i.test(path) ? 7 : 2;
  if (place === 'cookie') return token ? 3 : 6;
  if (place === 'key-header') return 4;
  return 8;
}

/** A SHA-256, SHA-1 or murmur hash in hex: already no credential. */
export function isHash(value: string): boolean {
  return /^(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{16}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$/.test(value);
}

/** Longer texts that hold no credential are not remembered. */
const CLEAN_LENGTH = 200;

/** What a property stands inside of: there, names such as `token` and `key` mean credentials. */
type Container = 'form' | 'headers' | 'cookie' | undefined;

class Walk {
  readonly credentials: FoundCredential[] = [];
  private readonly path: string[] = [];

  constructor(private readonly nameOf: (raw: string) => Name) {}

  object(object: JsonObject, within: Container, depth: number, done?: Adapter['redaction']): void {
    for (const key in object) {
      if (done !== undefined && Object.hasOwn(done, key)) continue;
      const value = object[key]!;
      const property = propertyOf(key);
      const { shown } = property;
      this.path.push(shown);
      const next = this.value(key, value, property, within, depth);
      this.path.pop();
      if (shown !== key) {
        Reflect.deleteProperty(object, key);
        put(object, shown, next);
      } else if (next !== value) put(object, key, next);
    }
    namedPair(object, (place, value) => this.inPlace(place, value));
  }

  private value(key: string, value: Json, property: Property, within: Container, depth: number): Json {
    const { place, form } = property;
    if (typeof value === 'string') {
      if (value === '') return value;
      if (within === 'cookie') return this.cookieValue(key, value);
      // Headers have their own list first: `authorization` has a scheme there, and none in a query.
      if (within !== undefined && form !== undefined && (within === 'form' || place === 'plain'))
        return this.formValue(form, value, within);
      if (place !== 'plain' && place !== 'form' && place !== 'headers') return this.inPlace(place, value);
      return value === property.clean ? value : this.plain(value, property);
    }
    if (typeof value !== 'object' || value === null) {
      const secret = place !== 'plain' && place !== 'form' && place !== 'headers' && place !== 'base64-http';
      return typeof value === 'number' && secret ? this.inPlace(place, String(value)) : value;
    }
    if (depth >= MAX_DEPTH) return MARK;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.value(key, value[i]!, property, within, depth + 1);
    } else
      this.object(value, place === 'form' || place === 'headers' || place === 'cookie' ? place : within, depth + 1);
    return value;
  }

  /** A field that its format defines as the request's token, key, query or recorded traffic. */
  byRule(value: Json, rule: Adapter['redaction'][string], key: string): Json {
    if (typeof value !== 'string' || value === '') return value;
    this.path.push(key);
    const next =
      rule === 'base64-http'
        ? this.base64(value)
        : rule === 'query'
          ? this.text(value)
          : isHash(value)
            ? value
            : this.credential(value, 'bearer', rule === 'token' ? 'token' : 'key');
    this.path.pop();
    return next;
  }

  private inPlace(place: Place, value: string): string {
    switch (place) {
      case 'authorization':
      case 'proxy-authorization':
        return this.authorization(value, place === 'proxy-authorization');
      case 'cookie':
        return this.cookies(value);
      case 'set-cookie':
        return this.setCookie(value);
      case 'base64-http':
        return this.base64(value);
      case 'proof':
        return isMasked(value) ? value : this.add('text', 'token', undefined);
      case 'token-header':
        return this.credential(value.replace(/^bearer\s+/i, ''), 'token-header', 'token');
      case 'key-header':
        return this.credential(value, 'key-header', 'key');
      case 'token':
        return this.credential(value, 'body', 'token');
      case 'query-token':
      case 'query-key':
      case 'query-secret':
        return this.formValue(place, value);
      case 'secret':
        return isMasked(value) ? value : this.add('body', 'key', undefined);
      case 'form':
      case 'headers':
        return this.text(value);
    }
  }

  private authorization(value: string, proxy: boolean): string {
    const match = /^\s*([A-Za-z][\w-]*)\s+(\S[\s\S]*?)\s*$/.exec(value);
    const scheme = match?.[1]?.toLowerCase();
    const raw = match?.[2] ?? value.trim();
    if (isMasked(raw)) return leftOfMask(value);
    if (proxy) return this.add('text', 'token', undefined, scheme);
    if (scheme === 'bearer' || scheme === undefined) return this.credential(raw, 'bearer', 'token', scheme);
    if (scheme === 'dpop') return this.credential(raw, 'dpop', 'token', scheme);
    if (scheme === 'token' || scheme === 'jwt') return this.credential(raw, 'bearer', 'token', scheme);
    // Basic user:password, Digest, HMAC signatures: redacted, never a token.
    return this.add('basic', 'key', undefined, scheme);
  }

  private cookies(value: string): string {
    return value
      .split(';')
      .map((pair) => {
        const sign = pair.indexOf('=');
        const name = sign === -1 ? '' : pair.slice(0, sign).trim();
        const raw = pair.slice(sign + 1).trim();
        if (raw === '') return this.cookieName(pair);
        const left = this.cookieValue(name, raw);
        return sign === -1 ? left : `${this.cookieName(name)}=${left}`;
      })
      .join(';');
  }

  private cookieValue(name: string, raw: string): string {
    if (isMasked(raw)) return leftOfMask(raw);
    const bare = raw.replace(/^"(.*)"$/, '$1');
    return isTokenCookie(name) || jwtForm(bare) !== 'none' ? this.credential(bare, 'cookie', 'token') : MARK;
  }

  /** A client can write anything as a name. */
  private cookieName(name: string): string {
    return name.length > 64 ? MARK : redactText(name);
  }

  private setCookie(value: string): string {
    const match = /^([^=;]*)=("?)([^;]*?)\2(;[\s\S]*)?$/.exec(value);
    if (!match) return MARK;
    if (!isMasked(match[3]!))
      this.credential(
        match[3]!,
        'set-cookie',
        jwtForm(match[3]!) !== 'none' || isTokenCookie(match[1]!) ? 'token' : 'key',
      );
    return `${this.cookieName(match[1]!)}=${MARK}${match[4] === undefined ? '' : redactText(match[4])}`;
  }

  /** A container of HTTP text goes as a whole; what it held is told. */
  private base64(value: string): string {
    const text = Buffer.from(value, 'base64').toString('utf8');
    if (isSuspect(text)) scrub(text, (finding) => this.finding(finding, true));
    return MARK;
  }

  /** Text of a property that is no place of credentials. */
  private plain(value: string, property: Property): string {
    const before = this.credentials.length;
    const left = isSuspect(value) ? this.text(value) : value;
    if (left === value && this.credentials.length === before && value.length <= CLEAN_LENGTH) property.clean = value;
    return left;
  }

  private text(value: string): string {
    return scrub(value, (finding) => this.finding(finding, false));
  }

  private finding({ raw, place }: TextFinding, boxed: boolean): void {
    if (place === 'bearer' || place === 'dpop') this.credential(raw, boxed ? place : 'text', 'token', place);
    else if (place === 'query-token' || place === 'query-key' || place === 'query-secret') this.formValue(place, raw);
    else if (place === 'basic') this.add('basic', 'key', undefined, 'basic');
    else if (place === 'field') this.field(raw, boxed);
    else this.credential(raw.replace(/[.=%]+$/, ''), 'text', place === 'jwt' ? 'token' : 'key');
  }

  private formValue(what: FormPlace, raw: string, within: Container = 'form'): string {
    const header = within === 'headers';
    if (what === 'query-secret') return isMasked(raw) ? raw : this.add(header ? 'text' : 'query', 'key', undefined);
    const kind = what === 'query-token' ? 'token' : 'key';
    return this.credential(raw.replace(/^bearer\s+/i, ''), header ? `${kind}-header` : 'query', kind);
  }

  /** `Authorization: Bearer x` as a line of HTTP text is an Authorization header again. */
  private field(raw: string, boxed: boolean): void {
    const match = /^\s*(bearer|dpop)\s+(\S+)\s*$/i.exec(raw);
    if (!match) this.add('body', 'key', undefined);
    else
      this.credential(
        match[2]!,
        boxed ? (match[1]!.toLowerCase() as 'bearer' | 'dpop') : 'text',
        'token',
        match[1]!.toLowerCase(),
      );
  }

  private credential(
    raw: string,
    place: FoundCredential['place'],
    kind: FoundCredential['kind'],
    scheme?: string,
  ): string {
    if (isMasked(raw)) return leftOfMask(raw);
    return this.add(place, kind, isWhole(raw) ? this.nameOf(raw) : undefined, scheme);
  }

  private add(
    place: FoundCredential['place'],
    kind: FoundCredential['kind'],
    name: Name | undefined,
    scheme?: string,
  ): string {
    const found: FoundCredential = { path: this.path.join('.'), place, kind };
    if (name !== undefined) found.name = name;
    if (scheme !== undefined) found.scheme = scheme;
    this.credentials.push(found);
    return MARK;
  }
}

/** A mask in the middle may have left much of a credential: then the rest goes too. */
function leftOfMask(value: string): string {
  return value.length > 24 || value.includes('eyJ') ? MARK : value;
}

/** `{"name": "Authorization", "value": "…"}`, as some loggers write a header. */
function namedPair(object: JsonObject, replace: (place: Place, value: string) => string): void {
  const value = object['value'];
  if (typeof value !== 'string' || value === '') return;
  const name = object['name'] ?? object['key'];
  if (typeof name !== 'string') return;
  const place = placeOf(name) ?? 'plain';
  if (place !== 'plain') object['value'] = replace(place, value);
}

/** Also for a property called `__proto__`, which an assignment would not make. */
function put(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
