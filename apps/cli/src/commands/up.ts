import type { Command } from 'commander';
import { announceRunning, createLog, type Log } from '#platform';
import type { KafkaOptions } from '../../../projector/src/intake-role.js';
import type { Role } from '../../../projector/src/roles.js';
import type { LocalTally } from '../../../api/src/tally/local-tally.js';
import { WrongUse } from '../../../api/src/tally/errors.js';
import type { Renewable } from '../../../api/src/renewal.js';
import type { RunningApi } from '../../../api/src/start-api.js';
import type { Tally } from '../../../api/src/tally/questions.js';
import type { DemoOptions } from '../demo/show-demo.js';
import { Interruption } from '../ingest/interruption.js';
import { shownJson } from '../output/escape.js';
import { readDocument } from '../read-document.js';
import { enginesOf, kafkaOf, rolesGiven, withEngines, type EngineFlags } from '../engines.js';
import { commonOf, keysOf, purposeOf, verb, type Shell } from '../shell.js';
import { listeningOf, withListening, type Listening, type ListeningFlags } from './up-listening.js';

const DAY_MS = 86_400_000;
const FOLLOWS = 'analytics,findings, and intake with --kafka';

interface UpFlags extends Omit<EngineFlags, 'allowPlaintext'>, ListeningFlags {
  demo?: true;
  settings?: string;
}

export function addUp(program: Command, shell: Shell): void {
  withEngines(
    withListening(verb(program, 'up', 'the product in one process; it answers over HTTP until Ctrl-C')),
    FOLLOWS,
  )
    .option('--demo', 'feed bundled sample logs of several systems, and tell what is in them')
    .option('--settings <file>', 'declare these settings first')
    .action(async (flags: UpFlags, command: Command) => {
      const listening = listeningOf(flags, shell);
      const { host, port, tls, plaintext, bearers } = listening;
      const settings = flags.settings === undefined ? undefined : readDocument(flags.settings);
      const { data, tenant, format } = commonOf(command, shell);
      const kafka = await kafkaOf(flags, tenant, shell);
      const roles = rolesGiven(
        flags.roles ?? (kafka === undefined ? 'analytics,findings' : 'intake,analytics,findings'),
      );
      if (kafka === undefined && (roles.has('intake') || flags.topic !== undefined))
        throw new WrongUse(roles.has('intake') ? '--roles' : '--topic', 'needs --kafka, or TALLY_KAFKA');
      const [{ startApi }, { LocalTally }, { vitalsOf }, { BackgroundFollower }, { Renewal }] = await Promise.all([
        import('../../../api/src/start-api.js'),
        import('../../../api/src/tally/local-tally.js'),
        import('../../../api/src/vitals.js'),
        import('../../../api/src/background-follower.js'),
        import('../../../api/src/renewal.js'),
      ]);
      const interruption = new Interruption();
      const { talk, out } = shell;
      const opening = LocalTally.open(data, {
        access: 'write',
        purpose: purposeOf(command),
        threads: shell.threads,
        ...enginesOf(flags, shell),
        fills: roles.has('analytics'),
        ...keysOf(command, shell),
      });
      const local = await interruption.unlessFirst(opening);
      if (local === undefined) {
        talk.say('stopped before it was up');
        return;
      }
      try {
        if (settings !== undefined) await local.ask('settings.declare', { tenant, settings });
        const log = createLog();
        const vitals = vitalsOf(local);
        const api = await startApi({
          tally: local,
          vitals,
          bearer: bearers,
          log,
          port,
          host,
          plaintext,
          ...(tls && { tls }),
        });
        const announce = (): void => announceRunning(local.stores.directory, api.url, bearers()[0] ?? '', tls?.leaf);
        const renewables = renewablesOf(listening, api, announce);
        const renewal = new Renewal(renewables, log);
        const onHangUp = (): void => renewal.look();
        // With nothing to read again, the end of a terminal ends this too.
        if (renewables.length > 0) process.on('SIGHUP', onHangUp);
        const retention = setInterval(() => void local.applyRetention(), DAY_MS);
        const follower = new BackgroundFollower(local, log, {
          findings: roles.has('findings'),
          analytics: roles.has('analytics'),
        });
        const consumers =
          kafka === undefined ? undefined : await startConsumers(local, kafka, roles, log, api.registry);
        try {
          announce();
          talk.head(`tally is up at ${api.url}`);
          talk.say(`bearer  ${flags.bearerFile === undefined ? bearers()[0] : `in ${flags.bearerFile}`}`);
          talk.say(`data    ${local.stores.directory.path}`);
          if (kafka !== undefined) talk.say(`kafka   ${kafka.connection.brokers.join(', ')}, group ${kafka.group}`);
          talk.say('Commands with the same data directory find it by themselves. Ctrl-C stops it.');
          if (format === 'json' || format === 'ndjson') {
            const { pid } = process;
            // One from a file is not repeated in outputs, which are often kept.
            const bearer = flags.bearerFile === undefined ? { bearer: bearers()[0] } : { bearerFile: flags.bearerFile };
            await out.write(`${shownJson({ url: api.url, ...bearer, data: local.stores.directory.path, pid })}\n`);
            await out.flush();
          }
          if (flags.demo) await demo(api.tally, { tenant, data: givenData(command), talk }, interruption);
          const { signal } = await interruption.wait();
          talk.say(`${signal}: finishing what is under way`);
        } finally {
          clearInterval(retention);
          renewal.stop();
          process.off('SIGHUP', onHangUp);
          await api.close();
          await consumers?.close();
          await follower.stop();
        }
      } finally {
        interruption.ignore();
        await local.close();
      }
      talk.say('stopped; everything acknowledged is on disk');
    });
}

/** Events and dead letters out of Kafka, for as long as this process runs. */
async function startConsumers(
  local: LocalTally,
  kafka: KafkaOptions,
  roles: ReadonlySet<Role>,
  log: Log,
  registry: RunningApi['registry'],
): Promise<{ close(): Promise<void> }> {
  const { startConsumersOver } = await import('../../../projector/src/projector.js');
  return startConsumersOver(local, kafka, roles, log, registry);
}

async function demo(tally: Tally, options: DemoOptions, interruption: Interruption): Promise<void> {
  const { showDemo } = await import('../demo/show-demo.js');
  try {
    await showDemo(tally, options, interruption.signal);
  } catch (error) {
    if (interruption.reason === undefined) throw error;
  }
}

/** `--data` as it was typed, if it was. */
function givenData(command: Command): string | undefined {
  return command.optsWithGlobals<{ data?: string }>().data;
}

/** What is read again while it runs; commands of the same owner are told what changed. */
function renewablesOf({ tls, renewables }: Listening, api: RunningApi, announce: () => void): Renewable[] {
  const told = renewables.map(({ what, reload }) => ({ what, reload: () => reload() && (announce(), true) }));
  if (tls === undefined) return told;
  const reload = (): boolean => {
    if (!tls.reload()) return false;
    api.renewCertificate();
    announce();
    return true;
  };
  return [...told, { what: 'the certificate', reload }];
}
