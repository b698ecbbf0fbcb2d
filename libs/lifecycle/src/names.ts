import { createHmac, createHash, createSecretKey, type KeyObject } from 'node:crypto';

/** What a name names. The number stands in the high nibble of a name's first byte (MODEL §1.1; `ses` is ADR 0002). */
export const NAME_KINDS = { fam: 1, jti: 2, tok: 3, cred: 4, kid: 5, sub: 6, cli: 7, con: 8, net: 9, ses: 10 } as const;
export type NameKind = keyof typeof NAME_KINDS;

/** A keyed name: 16 bytes, shown as 32 lower-case hex digits. */
export type Name = string;
export type Names = { [K in NameKind]?: Name };

/** Kinds under the token secret, which gateways may hold; all others are under the person secret. */
const TOKEN_SECRET_KINDS: ReadonlySet<NameKind> = new Set(['jti', 'tok', 'cred', 'fam', 'kid']);

/** SHA-256 of the empty text: a digest of nothing names nothing (MODEL §1.1). */
export const EMPTY_SHA256 = createHash('sha256').update('').digest('hex');

const KIND_BY_NIBBLE = new Map<number, NameKind>(
  (Object.entries(NAME_KINDS) as [NameKind, number][]).map(([kind, nibble]) => [nibble, kind]),
);

export interface NamingSecrets {
  /** Version of the pair of secrets, 0 to 15; it stands in the low nibble of a name's first byte. */
  version: number;
  token: KeyObject;
  person: KeyObject;
  /** When they were made, in ms: when names of older versions began to be renamed. */
  madeAt?: number;
}

/** Secrets from raw bytes; tests and the generator use it with fixed bytes. */
export function namingSecrets(version: number, token: Uint8Array, person: Uint8Array): NamingSecrets {
  return { version, token: createSecretKey(token), person: createSecretKey(person) };
}

/** Joins parts so that no two different lists give the same text: each part follows its UTF-8 length. */
export function lengthPrefixed(parts: readonly string[]): string {
  let out = '';
  for (const part of parts) out += part === '' ? '0:' : `${Buffer.byteLength(part)}:${part}`;
  return out;
}

/** Names something: kind ‖ version ‖ first 15 bytes of HMAC-SHA-256(secret, length-prefixed parts) (MODEL §1.1). */
export function nameOf(secrets: NamingSecrets, kind: NameKind, ...parts: string[]): Name {
  const secret = TOKEN_SECRET_KINDS.has(kind) ? secrets.token : secrets.person;
  const mac = createHmac('sha256', secret)
    .update(lengthPrefixed([kind, ...parts]))
    .digest('hex');
  return ((NAME_KINDS[kind] << 4) | secrets.version).toString(16).padStart(2, '0') + mac.slice(0, 30);
}

/** The tok name of a raw token: the same as that of a source which logs the token's SHA-256. */
export function nameOfRawToken(secrets: NamingSecrets, token: string): Name {
  return nameOf(secrets, 'tok', createHash('sha256').update(token).digest('hex'));
}

/** The tok name of a SHA-256 in hex, either case; undefined if it is none or the digest of nothing. */
export function nameOfTokenDigest(secrets: NamingSecrets, sha256: string): Name | undefined {
  const hex = sha256.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex) || hex === EMPTY_SHA256) return undefined;
  return nameOf(secrets, 'tok', hex);
}

export function kindOfName(name: Name): NameKind | undefined {
  return KIND_BY_NIBBLE.get(Number.parseInt(name.slice(0, 1), 16));
}

/** The version of the secrets that a name was made with. */
export function versionOfName(name: Name): number {
  return Number.parseInt(name.slice(1, 2), 16);
}

export function isName(text: string): text is Name {
  return /^[0-9a-f]{32}$/.test(text) && kindOfName(text) !== undefined;
}

/** The name whose stream holds a fact: the first of jti, tok, cred, con that its line shows (MODEL §1.3). */
export function placementOf(names: Names): Name | undefined {
  return names.jti ?? names.tok ?? names.cred ?? names.con;
}

export type Naming = { text: string; flag?: 'integer' } | { reason: 'absent' | 'not-a-name' | 'not-unicode' };

/**
 * Reads what a claim names (MODEL §1.7, §1.8): a non-empty string as it is, a safe integer as its digits (flagged);
 * any other type names nothing, and text that cannot be Unicode (lone surrogate, NUL) is refused.
 */
export function readNaming(value: unknown): Naming {
  if (value === undefined || value === null || value === '') return { reason: 'absent' };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { text: String(value), flag: 'integer' };
  if (typeof value !== 'string') return { reason: 'not-a-name' };
  return canName(value) ? { text: value } : { reason: 'not-unicode' };
}

/** False for text with a lone surrogate or NUL. */
export function canName(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}
