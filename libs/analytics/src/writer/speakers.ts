import { createHash } from 'node:crypto';
import type { ObservationType, RecordedFact } from '#lifecycle';

/** What a fact's authority is decided by, whatever the settings: who says what kind of thing of whose token. */
export interface Speaker {
  /** First 64 bits of a hash of the rest, decimal: the same in every ledger. */
  id: string;
  source: string;
  kind: ObservationType;
  /** Undefined where the fact names none. */
  issuer: string | undefined;
  /** Without an issuer: whether it names its token by jti (an issuer's source then needs to be able to issue for any). */
  byJti: boolean;
}

/** Gives each fact its speaker; each is made once. */
export class Speakers {
  private readonly known = new Map<string, Speaker>();

  of({ source, data, names }: Pick<RecordedFact, 'source' | 'data' | 'names'>, kind: ObservationType): Speaker {
    const issuer = typeof data['issuer'] === 'string' ? data['issuer'] : undefined;
    const byJti = issuer === undefined && names.jti !== undefined;
    const text = JSON.stringify([source, kind, issuer ?? null, byJti]);
    let speaker = this.known.get(text);
    if (speaker === undefined) {
      // Issuers are text of the input: a stream of new ones must not fill the memory.
      if (this.known.size >= 100_000) this.known.clear();
      this.known.set(text, (speaker = { id: hash64(text), source, kind, issuer, byJti }));
    }
    return speaker;
  }
}

/** First 64 bits of the SHA-256 of a text, decimal, as ClickHouse reads a UInt64. */
export function hash64(text: string): string {
  return BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`).toString();
}
