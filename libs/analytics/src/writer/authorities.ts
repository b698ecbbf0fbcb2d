import { LedgerHistory, type LedgerScan } from '#ledger';
import { settingsOf, Resolver, type RecordedFact } from '#lifecycle';
import type { Counts } from './batch.js';

/** Under which settings facts count, as the ledger says it up to a position. */
export class Authorities {
  private readonly resolvers = new Map<string, Resolver>();

  constructor(
    private readonly scan: LedgerScan,
    private position: number,
  ) {}

  /** Goes on to a later position; the settings of a tenant that changed are read again. */
  advance(position: number, resettles: string | undefined): void {
    this.position = position;
    if (resettles !== undefined) this.resolvers.delete(resettles);
  }

  readonly counts: Counts = (fact: RecordedFact) => {
    const resolved = this.of(fact.tenant).resolve(fact);
    return resolved !== undefined && resolved.authority !== 'claimed';
  };

  private of(tenant: string): Resolver {
    let resolver = this.resolvers.get(tenant);
    if (resolver === undefined) {
      const history = new LedgerHistory(this.scan, tenant, BigInt(this.position));
      const { settings, distrusted } = settingsOf(history.worldFacts());
      this.resolvers.set(tenant, (resolver = new Resolver(settings, distrusted)));
    }
    return resolver;
  }
}
