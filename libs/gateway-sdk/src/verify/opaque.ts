import { digestOf, type TokenNaming } from '../naming.js';
import type { Claims, Refusal } from './judgement.js';
import type { OpaqueOptions } from './options.js';

/** Checks opaque tokens by what an authorization server, or a local table, says of them. */
export class OpaqueCheck {
  constructor(
    private readonly options: OpaqueOptions,
    private readonly naming: TokenNaming | undefined,
    private readonly leewayMs: number,
    private readonly now: () => number,
  ) {}

  async check(token: string): Promise<{ claims: Claims } | Refusal> {
    const said = await this.#ask(token);
    if (said === 'unknown') return { reason: 'configuration' };
    if (said === undefined || said['active'] === false) return { reason: 'inactive' };
    const { active: _active, ...shown } = said;
    const { issuer, audiences } = this.options;
    const claims: Claims = issuer === undefined ? shown : { iss: issuer, ...shown };
    const { exp, nbf, aud } = claims;
    const now = this.now();
    if (typeof exp === 'number' && now >= exp * 1000 + this.leewayMs) return { reason: 'expired', claims };
    if (typeof nbf === 'number' && now < nbf * 1000 - this.leewayMs) return { reason: 'not-yet-valid', claims };
    const named: unknown[] = Array.isArray(aud) ? aud : [aud];
    if (audiences !== undefined && !audiences.some((audience) => named.includes(audience))) {
      return { reason: 'audience', claims };
    }
    return { claims };
  }

  async #ask(token: string): Promise<Claims | undefined | 'unknown'> {
    if ('table' in this.options) {
      return this.naming === undefined ? 'unknown' : this.options.table.get(this.naming.tok(digestOf(token)));
    }
    try {
      const said = await this.options.introspect(token);
      // Whatever is not plainly active is not.
      return said.active === true ? said : undefined;
    } catch {
      return 'unknown';
    }
  }
}
