import { EmbeddedLedger, EventStoreLedger, isConnectionString, type Ledger } from '#ledger';
import { DeadLetters } from '#intake';
import { DataDirectory, systemClock, type Hop } from '#platform';

/** A ledger that a command was pointed at, and how it is told of: without credentials. */
export interface LedgerAt {
  ledger: Ledger;
  shown: string;
  close(): Promise<void>;
}

export interface OpenLedgerAt {
  access: 'read' | 'write';
  purpose: string;
  allowed: ReadonlySet<Hop>;
}

/**
 * The ledger at a place: a data directory, or `esdb://…`. A directory is made where it is to be written.
 * @throws what the directory, the file, or the server has to say
 */
export async function openLedgerAt(place: string, { access, purpose, allowed }: OpenLedgerAt): Promise<LedgerAt> {
  if (isConnectionString(place)) {
    const ledger = await EventStoreLedger.open({ url: place, allowPlaintext: allowed.has('eventstore') });
    return { ledger, shown: ledger.server, close: () => ledger.close() };
  }
  const directory = await DataDirectory.open(place, { access, purpose });
  try {
    const { ledger: mustExist = false } = directory.meta;
    const ledger = EmbeddedLedger.open(directory.file('ledger'), { access, mustExist });
    if (!mustExist && access === 'write') markUsed(directory);
    return {
      ledger,
      shown: directory.path,
      close: async () => {
        await ledger.close();
        directory.close();
      },
    };
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** From now on a missing or empty ledger file is damage, and not a beginning; the same goes for the dead letters. */
export function markUsed(directory: DataDirectory): void {
  new DeadLetters(directory.file('deadLetters'), systemClock).close();
  directory.updateMeta({ ledger: true });
}
