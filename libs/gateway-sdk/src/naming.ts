import { hash } from 'node:crypto';
import { nameOf, type Name, type NamingSecrets } from '../shared.js';

/** SHA-256 of a raw token or key, in hex: all that is kept of it. */
export function digestOf(raw: string): string {
  return hash('sha256', raw, 'hex');
}

/** Names of tokens, credentials, grants and keys, under the token secret; the last few thousand are remembered. */
export class TokenNaming {
  readonly #names = new Map<string, Name>();

  constructor(
    private readonly secrets: NamingSecrets,
    private readonly remembered = 8192,
  ) {}

  /** @param sha256 64 lower-case hex digits */
  tok(sha256: string): Name {
    return this.#name('tok', sha256);
  }
  jti(issuer: string, jti: string): Name {
    return this.#name('jti', issuer, jti);
  }
  cred(system: string, id: string): Name {
    return this.#name('cred', system, id);
  }
  fam(issuer: string, grant: string): Name {
    return this.#name('fam', issuer, grant);
  }
  kid(issuer: string, kid: string): Name {
    return this.#name('kid', issuer, kid);
  }

  #name(kind: 'tok' | 'jti' | 'cred' | 'fam' | 'kid', first: string, second?: string): Name {
    const key = second === undefined ? `${kind} ${first}` : `${kind} ${first.length} ${first}${second}`;
    let name = this.#names.get(key);
    if (name !== undefined) return name;
    name = second === undefined ? nameOf(this.secrets, kind, first) : nameOf(this.secrets, kind, first, second);
    if (this.#names.size >= this.remembered) {
      const oldest = this.#names.keys().next();
      if (oldest.done !== true) this.#names.delete(oldest.value);
    }
    this.#names.set(key, name);
    return name;
  }
}
