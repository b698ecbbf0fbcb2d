import type { Login } from './findings/context.js';
import type { Links } from './links.js';
import type { Name } from './names.js';
import type { ResolvedFact } from './resolve.js';

/** When each family of a subject and client was opened: its earliest issuance that renews nothing. */
export class Logins {
  /** By subject and client: the earliest of each grant; which grants are one family is known when it is asked. */
  private readonly byHolder = new Map<string, Map<Name, number>>();

  constructor(private readonly links: Links) {}

  add(fact: ResolvedFact): void {
    const { fam } = fact.names;
    const holder = loginHolder(fact, this.links);
    if (holder === undefined || fact.authority === 'claimed' || fam === undefined) return;
    let opened = this.byHolder.get(holder);
    if (opened === undefined) this.byHolder.set(holder, (opened = new Map()));
    opened.set(fam, Math.min(opened.get(fam) ?? Infinity, fact.time));
  }

  /** The first login within (after, until], in another family. */
  within(subject: Name, client: Name, after: number, until: number, otherThan: Name | undefined): Login | undefined {
    const opened = new Map<Name, number>();
    for (const [grant, at] of this.byHolder.get(holderOf(subject, client)) ?? []) {
      const family = this.links.familyOf([grant]) ?? grant;
      opened.set(family, Math.min(opened.get(family) ?? Infinity, at));
    }
    let best: Login | undefined;
    for (const [family, at] of opened) {
      if (family === otherThan || at <= after || at > until) continue;
      if (best === undefined || at < best.at || (at === best.at && family < best.family!)) best = { at, family };
    }
    return best;
  }
}

/** Under what logins of a subject at a client are found. */
export function holderOf(subject: Name, client: Name): string {
  return `${subject} ${client}`;
}

/** Whose login a fact is, if it is one. */
export function loginHolder(
  { names, data, kind }: Pick<ResolvedFact, 'names' | 'data' | 'kind'>,
  links: Links,
): string | undefined {
  const { sub, cli, fam } = names;
  if (kind !== 'token.issued' || !sub || !cli || !fam) return undefined;
  if (data['parent'] !== undefined || data['grantType'] === 'refresh_token') return undefined;
  return holderOf(links.current(sub), links.current(cli));
}
