import type { LocalTally } from '../../api/src/tally/local-tally.js';
import { vaultOf } from '#intake';
import type { Log } from '#platform';
import { startIntake, startLetters, type KafkaOptions, type RunningRole } from './intake-role.js';
import type { Registry } from 'prom-client';
import { LedgerSettings } from './ledger-settings.js';
import { measureConsumer } from './metrics.js';
import type { Role } from './roles.js';
import { SteadyRole } from './steady-role.js';

/** Starts the role `intake` over the stores of a tally that is open for writing in this process. */
export function startIntakeOver(tally: LocalTally, kafka: KafkaOptions, log: Log): Promise<RunningRole> {
  const { stores } = tally;
  const settings = new LedgerSettings(stores.ledger, stores.clock);
  return startIntake({
    kafka,
    intake: stores.intake!,
    settingsOf: (tenant) => settings.of(tenant),
    namingOf: (tenant) => stores.secrets.naming(tenant),
    vault: vaultOf(stores.keys),
    keys: { directory: stores.keysHome.path, id: stores.keysHome.meta.ledgerId },
    clock: stores.clock,
    log,
  });
}

/** Consumers beside an API: what goes wrong with them starts them again, and the API answers on. */
export function startConsumersOver(
  tally: LocalTally,
  kafka: KafkaOptions,
  roles: ReadonlySet<Role>,
  log: Log,
  registry: Registry,
): { close(): Promise<void> } {
  const { deadLetters, directory } = tally.stores;
  const consumers = [new SteadyRole(() => startLetters(kafka, deadLetters, directory.meta.ledgerId, log), log)];
  if (roles.has('intake')) {
    const intake = new SteadyRole(() => startIntakeOver(tally, kafka, log), log);
    consumers.push(intake);
    measureConsumer(
      registry,
      () => intake.vitals(),
      () => intake.counts,
    );
  }
  return {
    close: async () => {
      await Promise.all(consumers.map((each) => each.close()));
    },
  };
}
