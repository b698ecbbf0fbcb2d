import { factOf, History, MemorySource, type RecordedFact, type Settings } from '#lifecycle';
import { isProductFact, type Ledger } from '#ledger';

/** How often the settings stream is looked at, in ms: one question about its last revision. */
const LOOK_MS = 2000;

interface Known {
  settings: Settings;
  revision: bigint | undefined;
  lookedAt: number;
}

/** The settings of each tenant as a ledger has them, for a process that holds no copy of it. */
export class LedgerSettings {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly ledger: Ledger,
    private readonly clock: () => number,
  ) {}

  /** As they were a moment ago; the same object until they change. */
  async of(tenant: string): Promise<Settings> {
    const now = this.clock();
    const known = this.known.get(tenant);
    if (known !== undefined && now - known.lookedAt < LOOK_MS) return known.settings;
    const stream = `settings-${tenant}`;
    const [revision] = await this.ledger.revisionsOf([stream]);
    if (known !== undefined && known.revision === revision) {
      known.lookedAt = now;
      return known.settings;
    }
    const facts: RecordedFact[] = [];
    for await (const event of this.ledger.readStream(stream)) {
      // Another program's event states nothing here.
      if (isProductFact(event.type, event.data, event.metadata)) facts.push(factOf(event));
    }
    const { settings } = new History(new MemorySource(facts)).world;
    this.known.set(tenant, { settings, revision, lookedAt: now });
    return settings;
  }
}
