import { Option, type Command } from 'commander';
import { announceRunning, createLog } from '#platform';
import { makeBearer } from '#security';
import { WrongUse } from '../../../api/src/tally/errors.js';
import type { Tally } from '../../../api/src/tally/questions.js';
import type { DemoOptions } from '../demo/show-demo.js';
import { Interruption } from '../ingest/interruption.js';
import { shownJson } from '../output/escape.js';
import { readDocument } from '../read-document.js';
import { clickhouseOf } from '../session.js';
import { commonOf, purposeOf, verb, type Shell } from '../shell.js';

const DAY_MS = 86_400_000;

interface UpFlags {
  port?: string;
  host: string;
  demo?: true;
  settings?: string;
}

export function addUp(program: Command, shell: Shell): void {
  verb(program, 'up', 'the product in one process; it answers over HTTP until Ctrl-C')
    .option('--port <n>', 'the port; default: the system chooses')
    .addOption(
      // Without TLS nothing leaves this machine.
      new Option('--host <address>', 'the loopback address to listen on')
        .choices(['127.0.0.1', '::1'])
        .default('127.0.0.1'),
    )
    .option('--demo', 'feed bundled sample logs of several systems, and tell what is in them')
    .option('--settings <file>', 'declare these settings first')
    .action(async (flags: UpFlags, command: Command) => {
      const port = portOf(flags.port);
      const settings = flags.settings === undefined ? undefined : readDocument(flags.settings);
      const { data, tenant, format } = commonOf(command, shell);
      const [{ startApi }, { LocalTally }, { vitalsOf }, { BackgroundFollower }] = await Promise.all([
        import('../../../api/src/start-api.js'),
        import('../../../api/src/tally/local-tally.js'),
        import('../../../api/src/vitals.js'),
        import('../../../api/src/background-follower.js'),
      ]);
      const interruption = new Interruption();
      const local = await LocalTally.open(data, {
        access: 'write',
        purpose: purposeOf(command),
        threads: shell.threads,
        ...clickhouseOf(shell),
      });
      const { talk, out } = shell;
      try {
        if (settings !== undefined) await local.ask('settings.declare', { tenant, settings });
        const bearer = makeBearer();
        const log = createLog();
        const api = await startApi({ tally: local, vitals: vitalsOf(local), bearer, log, port, host: flags.host });
        const retention = setInterval(() => void local.applyRetention(), DAY_MS);
        const follower = new BackgroundFollower(local, log);
        try {
          announceRunning(local.stores.directory, api.url, bearer);
          talk.head(`tally is up at ${api.url}`);
          talk.say(`bearer  ${bearer}`);
          talk.say(`data    ${local.stores.directory.path}`);
          talk.say('Commands with the same data directory find it by themselves. Ctrl-C stops it.');
          if (format === 'json' || format === 'ndjson') {
            const { pid } = process;
            await out.write(`${shownJson({ url: api.url, bearer, data: local.stores.directory.path, pid })}\n`);
            await out.flush();
          }
          if (flags.demo) await demo(api.tally, { tenant, data: givenData(command), talk }, interruption);
          const { signal } = await interruption.wait();
          talk.say(`${signal}: finishing what is under way`);
        } finally {
          clearInterval(retention);
          await api.close();
          await follower.stop();
        }
      } finally {
        interruption.ignore();
        await local.close();
      }
      talk.say('stopped; everything acknowledged is on disk');
    });
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

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new WrongUse('--port', 'takes a number from 0 to 65535');
}
