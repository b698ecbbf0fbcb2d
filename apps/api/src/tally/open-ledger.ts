import { EmbeddedLedger, EventStoreLedger, isProductFact, MirroredLedger, type Ledger, type LedgerScan } from '#ledger';
import type { Access, Clock, DataDirectory, Hop } from '#platform';
import type { IntakeParts } from '#intake';

/** The ledger of a data directory, wherever its authority is. */
export interface OpenedLedger {
  /** Names the ledger for ever: what is made from it elsewhere is bound to it. */
  ledgerId: string;
  /** What was appended here is seen by its own reads. */
  ledger: Ledger;
  /** Synchronous scans of the file that `file` names. */
  scan: LedgerScan;
  file: string;
  /** How intake appends: alone, or among others. */
  intake: Pick<IntakeParts, 'ledger' | 'shared' | 'feed'>;
  /** Asks the authority for a sign of life; rejects where it gives none. */
  reach(): Promise<unknown>;
  /** A consistent copy, while appends go on; undefined where another server is the authority. */
  backupTo: ((path: string) => Promise<void>) | undefined;
  close(): Promise<void>;
}

export function openEmbedded(directory: DataDirectory, access: Access, clock: Clock): OpenedLedger {
  const file = directory.file('ledger');
  const { ledger: isUsed = false } = directory.meta;
  const ledger = EmbeddedLedger.open(file, { access, clock, mustExist: isUsed });
  const scan = ledger.scan();
  return {
    ledgerId: directory.meta.ledgerId,
    ledger,
    scan,
    file,
    intake: { ledger },
    reach: () => Promise.resolve(),
    backupTo: (path) => ledger.backupTo(path),
    close: async () => {
      scan.close();
      await ledger.close();
    },
  };
}

/**
 * The ledger of an EventStoreDB, with its copy in this directory: questions scan it, and appends go to the server. It is
 * open once the copy is as far as the server was.
 * @param keysId of the home of the naming secrets: a ledger is named with one set of them
 */
export async function openMirrored(
  directory: DataDirectory,
  url: string,
  allowed: ReadonlySet<Hop>,
  keysId: string,
): Promise<OpenedLedger> {
  const remote = await EventStoreLedger.open({ url, allowPlaintext: allowed.has('eventstore') });
  let mirror: MirroredLedger;
  let ledgerId: string;
  try {
    ledgerId = await remote.identify(directory.meta.ledgerId, keysId);
    mirror = await MirroredLedger.open({
      remote,
      file: directory.file('mirror'),
      keeps: ({ type, data, metadata }) => isProductFact(type, data, metadata),
    });
  } catch (error) {
    await remote.close();
    throw error;
  }
  try {
    await mirror.caughtUp();
    const scan = mirror.scan();
    return {
      ledgerId,
      ledger: mirror,
      scan,
      file: mirror.file,
      intake: { ledger: authorityOf(mirror), shared: true, feed: mirror },
      reach: () => remote.head(),
      backupTo: undefined,
      close: async () => {
        scan.close();
        await mirror.close();
      },
    };
  } catch (error) {
    await mirror.close();
    throw error;
  }
}

/** Appends that the mirror knows of, and reads of the authority itself: its copy may lag behind other writers. */
function authorityOf(mirror: MirroredLedger): Ledger {
  const { remote } = mirror;
  return {
    append: (stream, events, expected) => mirror.append(stream, events, expected),
    appendMany: (appends) => mirror.appendMany(appends),
    readStream: (stream, options) => remote.readStream(stream, options),
    readAll: (options) => remote.readAll(options),
    subscribeAll: (options) => remote.subscribeAll(options),
    revisionsOf: (streams) => remote.revisionsOf(streams),
    head: () => remote.head(),
    close: async () => undefined,
  };
}
