import type { Command } from 'commander';
import { DataDirectory } from '#platform';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { Interruption } from '../ingest/interruption.js';
import { shownJson } from '../output/escape.js';
import { plaintextOf, withPlaintext } from '../plaintext.js';
import { commonOf, purposeOf, verb, type Shell } from '../shell.js';

interface ServeFlags {
  allowPlaintext?: readonly string[];
  host: string;
  port?: string;
  tlsCert?: string;
  tlsKey?: string;
  users?: string;
  maxAppendSize?: string;
}

/** The ledger itself, for clients of EventStoreDB. */
export function addLedgerServe(program: Command, shell: Shell): void {
  const noun = program.commands.find((each) => each.name() === 'ledger') ?? program.command('ledger');
  noun.description('the ledger by itself, for other programs and other places');
  withPlaintext(verb(noun, 'serve', 'answer clients of EventStoreDB until Ctrl-C'))
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <n>', 'the port; default: the system chooses')
    .option('--tls-cert <file>', 'certificate, PEM; with --tls-key')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--users <file>', 'who may connect, JSON: {"name": {"password": "…"}}; default: everybody who can')
    .option('--max-append-size <bytes>', 'the most data of one append; default: 1 MiB')
    .action(async (flags: ServeFlags, command: Command) => {
      const options = optionsOf(flags);
      const { EmbeddedLedger, LedgerEndpoint, readUsersFile } = await import('#ledger');
      const users = flags.users === undefined ? undefined : readUsersFile(flags.users);
      const allowPlaintext = plaintextOf(flags, shell.env).has('eventstore');
      const { data, format } = commonOf(command, shell);
      const interruption = new Interruption();
      const directory = await DataDirectory.open(data, { access: 'write', purpose: purposeOf(command) });
      try {
        const { ledger: mustExist = false } = directory.meta;
        const served = EmbeddedLedger.open(directory.file('ledger'), { access: 'write', mustExist });
        if (!mustExist) (await import('../ledger-at.js')).markUsed(directory);
        try {
          const endpoint = await LedgerEndpoint.start({
            ...options,
            ...(users && { users }),
            ledger: served,
            allowPlaintext,
          });
          const { talk, out } = shell;
          try {
            const { connectionString, host, port } = endpoint;
            talk.head(`the ledger answers at ${connectionString}`);
            talk.say(`data    ${directory.path}`);
            talk.say('Other commands wait for this directory until Ctrl-C.');
            if (format === 'json' || format === 'ndjson') {
              const { pid } = process;
              await out.write(`${shownJson({ url: connectionString, host, port, data: directory.path, pid })}\n`);
            } else {
              await out.write(`${connectionString}\n`);
            }
            await out.flush();
            const { signal } = await interruption.wait();
            talk.say(`${signal}: ending what is under way`);
          } finally {
            await endpoint.close();
          }
          talk.say('stopped; everything acknowledged is on disk');
        } finally {
          await served.close();
        }
      } finally {
        interruption.ignore();
        directory.close();
      }
    });
}

function optionsOf({ host, port, tlsCert, tlsKey, maxAppendSize }: ServeFlags) {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new WrongUse(tlsCert === undefined ? '--tls-key' : '--tls-cert', 'needs the other: --tls-cert and --tls-key');
  return {
    host,
    port: numberOf('--port', port, 65_535) ?? 0,
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: { certFile: tlsCert, keyFile: tlsKey } }),
    ...(maxAppendSize !== undefined && {
      maxAppendSize: numberOf('--max-append-size', maxAppendSize, 16 * 1024 * 1024) ?? 0,
    }),
  };
}

function numberOf(flag: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d{1,8}$/.test(text) && number <= most) return number;
  throw new WrongUse(flag, `takes a number up to ${most}`);
}
