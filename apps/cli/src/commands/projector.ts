import type { Command } from 'commander';
import { createLog } from '#platform';
import { enginesOf, kafkaOf, rolesGiven, withEngines, type EngineFlags } from '../engines.js';
import { Interruption } from '../ingest/interruption.js';
import { shownJson } from '../output/escape.js';
import { withPlaintext } from '../plaintext.js';
import { commonOf, keysOf, purposeOf, verb, type Shell } from '../shell.js';
import { wholeNumber } from '../whole-number.js';

interface ProjectorFlags extends EngineFlags {
  healthHost: string;
  healthPort?: string;
}

const ALL = 'intake,analytics,findings';

/** Kafka into the ledger, and the ledger into what is made from it, without an API. */
export function addProjector(program: Command, shell: Shell): void {
  withPlaintext(
    withEngines(
      verb(program, 'projector', 'moves events from Kafka into the ledger, and on; see docs/projector.md'),
      ALL,
    ),
  )
    .option('--health-host <address>', 'where health and metrics are answered', '127.0.0.1')
    .option('--health-port <n>', 'its port; default: the system chooses')
    .action(async (flags: ProjectorFlags, command: Command) => {
      const { data, tenant, format } = commonOf(command, shell);
      const roles = rolesGiven(flags.roles ?? ALL);
      const kafka = await kafkaOf(flags, tenant, shell);
      const port = flags.healthPort === undefined ? 0 : wholeNumber('--health-port', flags.healthPort, 0, 65_535);
      const { startProjector } = await import('../../../projector/src/start-projector.js');
      const interruption = new Interruption();
      const { talk, out } = shell;
      const starting = startProjector({
        roles,
        data,
        purpose: purposeOf(command),
        log: createLog(),
        ...keysOf(command, shell),
        ...enginesOf(flags, shell),
        ...(kafka !== undefined && { kafka }),
        health: { host: flags.healthHost, port },
      });
      const projector = await interruption.unlessFirst(starting);
      if (projector === undefined) {
        talk.say('stopped before it had started; nothing was taken in');
        return;
      }
      try {
        talk.head(`the projector runs ${[...roles].join(', ')}`);
        talk.say(`health  ${projector.url}/healthz, ${projector.url}/metrics`);
        talk.say(`data    ${data}`);
        if (format === 'json' || format === 'ndjson') {
          await out.write(`${shownJson({ health: projector.url, roles: [...roles], data, pid: process.pid })}\n`);
          await out.flush();
        }
        const { signal } = await Promise.race([
          interruption.wait(),
          projector.ended.then(() => ({ signal: 'the consumer ended' })),
        ]);
        talk.say(`${signal}: finishing what is under way`);
      } finally {
        interruption.ignore();
        await projector.close();
      }
      talk.say('stopped; everything committed is in the ledger');
    });
}
