import { Intake, SeenIndex, vaultOf } from '#intake';
import { DEFAULT_THRESHOLDS } from '#lifecycle';
import { EventStoreLedger } from '#ledger';
import { DataDirectory, type Clock, type Hop, type Log } from '#platform';
import { NamingSecretStore, openKeysHome, SubjectKeys } from '#security';
import { startIntake, type KafkaOptions, type RunningRole } from './intake-role.js';
import { LedgerSettings } from './ledger-settings.js';

export interface IntakeOnlyOptions {
  data: string;
  keys?: string;
  eventstore: string;
  kafka: KafkaOptions;
  plaintext: ReadonlySet<Hop>;
  purpose: string;
  clock: Clock;
  log: Log;
}

/**
 * The role `intake` in a process of its own: it appends to EventStoreDB and holds no copy of the ledger, only the index
 * of what it knows to be there.
 */
export async function openIntakeOnly(options: IntakeOnlyOptions): Promise<RunningRole & { directory: DataDirectory }> {
  const { data, keys: shared, eventstore, kafka, plaintext, purpose, clock, log } = options;
  const directory = await DataDirectory.open(data, { access: 'write', purpose, clock });
  const opened: { close(): unknown }[] = [{ close: () => directory.close() }];
  const keep = <T extends { close(): unknown }>(store: T): T => {
    opened.push(store);
    return store;
  };
  const closeAll = async (): Promise<void> => {
    for (const store of opened.splice(0).reverse()) await store.close();
  };
  try {
    const { home } = keep(openKeysHome(directory, shared));
    const secrets = NamingSecretStore.open(home, clock);
    const keys = keep(SubjectKeys.open(home));
    const ledger = keep(await EventStoreLedger.open({ url: eventstore, allowPlaintext: plaintext.has('eventstore') }));
    await ledger.identify(directory.meta.ledgerId, home.meta.ledgerId);
    const seen = keep(SeenIndex.open(directory.file('intake')));
    const intake = await Intake.open({
      ledger,
      seen,
      deadLetters: { add: () => undefined },
      clock,
      futureSlack: DEFAULT_THRESHOLDS.futureSlack,
      shared: true,
    });
    const settings = new LedgerSettings(ledger, clock);
    const role = await startIntake({
      kafka,
      intake,
      settingsOf: (tenant) => settings.of(tenant),
      namingOf: (tenant) => secrets.naming(tenant),
      vault: vaultOf(keys),
      keys: { directory: home.path, id: home.meta.ledgerId },
      clock,
      log,
    });
    return {
      ...role,
      directory,
      close: async () => {
        await role.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
