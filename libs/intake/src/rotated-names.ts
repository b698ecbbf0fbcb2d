import type { Name, NameKind, NamingSecrets } from '#lifecycle';
import type { NameCache } from './name-cache.js';
import { ownFact } from './own-facts.js';
import type { PreparedEvent } from './prepared.js';

/** What gives names to a record while it is read. */
export type Namer = Pick<NameCache, 'name' | 'nameOfDigest' | 'nameOfRawToken'>;

/** New name → what the same thing was called under older secrets that are still held. */
export type FormerNames = ReadonlyMap<Name, readonly Name[]>;

/**
 * Names under the newest secrets, which notes what each is called under the older ones (MODEL §1.5). For tenants whose
 * secrets were rotated; it costs one more name a version.
 */
export class RotatedNames implements Namer {
  private readonly older: NameCache[];
  private noted = new Map<Name, readonly Name[]>();

  constructor(
    private readonly newest: NameCache,
    older: readonly NameCache[],
  ) {
    this.older = [...older];
  }

  readonly name = (kind: NameKind, ...parts: string[]): Name =>
    this.note(this.newest.name(kind, ...parts), (cache) => cache.name(kind, ...parts));

  readonly nameOfDigest = (sha256: string): Name | undefined => {
    const name = this.newest.nameOfDigest(sha256);
    return name === undefined ? undefined : this.note(name, (cache) => cache.nameOfDigest(sha256));
  };

  readonly nameOfRawToken = (raw: string): Name =>
    this.note(this.newest.nameOfRawToken(raw), (cache) => cache.nameOfRawToken(raw));

  /** What was named since the last call. */
  taken(): FormerNames {
    const { noted } = this;
    this.noted = new Map();
    return noted;
  }

  private note(name: Name, under: (cache: NameCache) => Name | undefined): Name {
    if (!this.noted.has(name))
      this.noted.set(
        name,
        this.older.map(under).filter((each) => each !== undefined),
      );
    return name;
  }
}

/**
 * `token.renamed` facts (of whatever kind of name), each stated once: id, time and content follow from the two names
 * and their secrets, so that every process states the same.
 * @param stated names whose renames stand in this batch already; grows
 */
export function renamedFacts(
  formers: FormerNames,
  { tenant, secrets: { madeAt = 0 } }: { tenant: string; secrets: Pick<NamingSecrets, 'madeAt'> },
  stated: Set<Name>,
): PreparedEvent[] {
  const out: PreparedEvent[] = [];
  for (const [to, older] of formers) {
    if (stated.has(to)) continue;
    stated.add(to);
    for (const from of older)
      out.push(ownFact({ type: 'token.renamed', tenant, subject: from, time: madeAt, data: { from, to } }));
  }
  return out;
}
