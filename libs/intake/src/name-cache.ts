import { createHash } from 'node:crypto';
import { nameOf, nameOfTokenDigest, type Name, type NameKind, type NamingSecrets } from '#lifecycle';

const KEPT = 100_000;

/** Gives names and remembers a bounded number of them; raw tokens are never remembered, only their SHA-256. */
export class NameCache {
  private readonly names = new Map<string, Name | undefined>();

  constructor(readonly secrets: NamingSecrets) {}

  readonly name = (kind: NameKind, ...parts: string[]): Name => {
    const key =
      parts.length === 1
        ? `${kind}\n${parts[0]!.length}\n${parts[0]}`
        : `${kind}\n${parts.map((p) => p.length).join(' ')}\n${parts.join('\n')}`;
    return this.remembered(key, () => nameOf(this.secrets, kind, ...parts))!;
  };

  readonly nameOfDigest = (sha256: string): Name | undefined =>
    this.remembered(`digest\n${sha256.toLowerCase()}`, () => nameOfTokenDigest(this.secrets, sha256));

  readonly nameOfRawToken = (raw: string): Name => this.nameOfDigest(createHash('sha256').update(raw).digest('hex'))!;

  private remembered(key: string, make: () => Name | undefined): Name | undefined {
    let name = this.names.get(key);
    if (name === undefined) {
      name = make();
      if (this.names.size >= KEPT) this.names.clear();
      this.names.set(key, name);
    }
    return name;
  }
}
