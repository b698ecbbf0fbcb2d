import { hash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

export interface Proof {
  /** Thumbprint of the key that made it. */
  jkt: string;
  htm: string;
  htu: string;
}

const DEFAULT_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];
const MOST_REMEMBERED = 100_000;

/** Checks DPoP proofs (RFC 9449 §4.3), each of which counts once in this process. */
export class DpopCheck {
  readonly algorithms: readonly string[];
  readonly #maxAgeMs: number;
  /** Proof → when it may be forgotten, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(
    { algorithms = DEFAULT_ALGORITHMS, maxAgeMs = 60_000 }: { algorithms?: readonly string[]; maxAgeMs?: number },
    private readonly leewayMs: number,
    private readonly now: () => number,
  ) {
    this.algorithms = algorithms;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @returns undefined for a proof that is none, or one of something else. */
  async check(proof: string, token: string, method: string, url: string): Promise<Proof | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms: [...this.algorithms],
        currentDate: new Date(this.now()),
        clockTolerance: this.leewayMs / 1000,
        requiredClaims: ['jti', 'iat', 'htm', 'htu', 'ath'],
        maxTokenAge: this.#maxAgeMs / 1000,
      });
      const { jti, htm, htu, ath } = payload;
      const { jwk } = protectedHeader;
      if (jwk === undefined || 'd' in jwk || typeof jti !== 'string' || jti === '') return undefined;
      if (htm !== method || typeof htu !== 'string') return undefined;
      const target = targetOf(url);
      if (target === undefined || targetOf(htu) !== target) return undefined;
      if (ath !== hash('sha256', token, 'base64url')) return undefined;
      const jkt = await calculateJwkThumbprint(jwk);
      return this.#isNew(`${jkt} ${hash('sha256', jti)} ${target}`) ? { jkt, htm, htu: target } : undefined;
    } catch {
      return undefined;
    }
  }

  #isNew(proof: string): boolean {
    const now = this.now();
    for (const [old, until] of this.#seen) {
      if (until > now && this.#seen.size < MOST_REMEMBERED) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(proof)) return false;
    this.#seen.set(proof, now + this.#maxAgeMs + 2 * this.leewayMs);
    return true;
  }
}

/** Without query and fragment, and normalised as URLs are (RFC 9449 §4.3). */
function targetOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
