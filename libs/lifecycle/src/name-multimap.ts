import type { Name } from './names.js';

/** Name → names. Nearly every name has one partner, so that a set is made for the second only. */
export class NameMultimap {
  private readonly partners = new Map<Name, Name | Set<Name>>();

  /** False if the pair was known. */
  add(key: Name, value: Name): boolean {
    const known = this.partners.get(key);
    if (known === undefined) this.partners.set(key, value);
    else if (typeof known !== 'string') {
      if (known.has(value)) return false;
      known.add(value);
    } else if (known === value) return false;
    else this.partners.set(key, new Set([known, value]));
    return true;
  }

  of(key: Name): Iterable<Name> {
    const known = this.partners.get(key);
    return known === undefined ? [] : typeof known === 'string' ? [known] : known;
  }

  count(key: Name): number {
    const known = this.partners.get(key);
    return known === undefined ? 0 : typeof known === 'string' ? 1 : known.size;
  }

  /** The partner of a name that has exactly one. */
  only(key: Name): Name | undefined {
    const known = this.partners.get(key);
    return typeof known === 'string' ? known : undefined;
  }

  keys(): Iterable<Name> {
    return this.partners.keys();
  }
}
