import { Option, type Command } from 'commander';
import { makeBearer, BearerFile } from '#security';
import { assertMayBePlain, type Hop } from '#platform';
import { ServedCertificate } from '../../../api/src/http/served-certificate.js';
import type { Renewable } from '../../../api/src/renewal.js';
import { WrongUse } from '../../../api/src/tally/errors.js';
import { plaintextOf, withPlaintext } from '../plaintext.js';
import type { Shell } from '../shell.js';

export interface ListeningFlags {
  port?: string;
  host: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  bearerFile?: string;
  allowPlaintext?: string[];
}

/** Where `tally up` answers, under which certificate, and for which bearers. */
export interface Listening {
  host: string;
  port: number;
  tls?: ServedCertificate;
  plaintext: ReadonlySet<Hop>;
  bearers: () => readonly string[];
  /** What is read again while it runs. */
  renewables: Renewable[];
}

export function withListening(command: Command): Command {
  return withPlaintext(
    command
      .option('--port <n>', 'the port; default: the system chooses')
      .addOption(
        new Option('--host <address>', 'the address to listen on; off this machine with TLS').default('127.0.0.1'),
      )
      .option('--tls-cert <file>', 'answer over HTTPS: the certificate with its chain, PEM')
      .option('--tls-key <file>', 'its private key, PEM')
      .option('--tls-client-ca <file>', 'answer only clients with a certificate of these authorities, PEM')
      .option('--bearer-file <file>', 'bearers that outlive the process, one a line; made if it is not there'),
  );
}

/** @throws WrongUse, PlaintextRefused, BadCertificate, BadBearerFile */
export function listeningOf(flags: ListeningFlags, { env }: Shell): Listening {
  const { host, tlsCert: cert, tlsKey: key, tlsClientCa: clientCa, bearerFile } = flags;
  if ((cert === undefined) !== (key === undefined)) throw new WrongUse('--tls-cert', 'and --tls-key go together');
  if (clientCa !== undefined && cert === undefined) throw new WrongUse('--tls-client-ca', 'needs --tls-cert');
  const plaintext = plaintextOf(flags, env);
  if (cert === undefined) assertMayBePlain('api', host, plaintext);
  const made = [makeBearer()];
  const listening: Listening = {
    host,
    port: portOf(flags.port),
    plaintext,
    bearers: () => made,
    renewables: [],
  };
  if (cert !== undefined && key !== undefined)
    listening.tls = ServedCertificate.read({ cert, key, ...(clientCa !== undefined && { clientCa }) });
  if (bearerFile !== undefined) {
    const file = BearerFile.open(bearerFile);
    listening.bearers = () => file.bearers();
    listening.renewables.push({ what: 'the file of bearers', reload: () => file.reload() });
  }
  return listening;
}

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new WrongUse('--port', 'takes a number from 0 to 65535');
}
