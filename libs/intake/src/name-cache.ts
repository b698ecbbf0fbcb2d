import { hash } from 'node:crypto';
import { nameOf, nameOfTokenDigest, type Name, type NameKind, type NamingSecrets } from '#lifecycle';

/** Names remembered for each (kind, issuer or system) before they are forgotten together. */
const KEPT = 20_000;

/** Gives names and remembers a bounded number of them; raw tokens are never remembered, only their SHA-256. */
export class NameCache {
  /** Kind → first part → the rest: short texts to look up, and none to put together. */
  private readonly names = new Map<NameKind, Map<string, Map<string, Name>>>();
  private readonly digests = new Map<string, Name | undefined>();

  constructor(readonly secrets: NamingSecrets) {}

  readonly name = (kind: NameKind, ...parts: string[]): Name => {
    if (parts.length > 2) return nameOf(this.secrets, kind, ...parts);
    const [first = '', second = ''] = parts;
    let byFirst = this.names.get(kind);
    if (byFirst === undefined) this.names.set(kind, (byFirst = new Map()));
    let bySecond = byFirst.get(first);
    if (bySecond === undefined) {
      if (byFirst.size >= KEPT) byFirst.clear();
      byFirst.set(first, (bySecond = new Map()));
    }
    let name = bySecond.get(second);
    if (name === undefined) {
      if (bySecond.size >= KEPT) bySecond.clear();
      bySecond.set(second, (name = nameOf(this.secrets, kind, ...parts)));
    }
    return name;
  };

  readonly nameOfDigest = (sha256: string): Name | undefined => {
    const known = this.digests.get(sha256);
    if (known !== undefined) return known;
    const name = nameOfTokenDigest(this.secrets, sha256);
    if (this.digests.size >= KEPT) this.digests.clear();
    this.digests.set(sha256, name);
    return name;
  };

  readonly nameOfRawToken = (raw: string): Name => this.nameOfDigest(hash('sha256', raw))!;
}
