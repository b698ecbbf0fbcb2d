import { Account, blocksOf, preparedBatches, preparedInWorkers, Preparer, unpacked, vaultOf } from '#intake';
import { profileOf, type Settings } from '#lifecycle';
import { dayOf } from '#security';
import type { IngestAnswer, IngestOptions } from './questions.js';
import { currentSettings } from './settings.js';
import type { Stores } from './stores.js';

/** The first pass of intake over the stores of this process. */
export function preparerFor(stores: Stores, about: { tenant: string; source: string; settings: Settings }): Preparer {
  const secrets = stores.secrets.current(about.tenant);
  return new Preparer({ ...about, secrets, today: dayOf(stores.clock()), vault: vaultOf(stores.keys) });
}

/** Takes an input in, to its end; each batch is durable before it is counted. Threads read while this one commits. */
export async function ingest(
  input: AsyncIterable<Uint8Array>,
  options: IngestOptions,
  stores: Stores,
  inWorkers: boolean,
  onProgress?: (answer: IngestAnswer) => void,
): Promise<IngestAnswer> {
  const started = performance.now();
  const settings = await currentSettings(options.tenant, stores);
  const account = new Account();
  const answer = (): IngestAnswer => ({
    ...account.report,
    seconds: Math.round(performance.now() - started) / 1000,
    rejections: account.rejections,
    sources: [...account.sources].map(([source, records]) => ({
      source,
      records,
      assumed: profileOf(settings, source)?.assumed ?? true,
    })),
  });
  const blocks = blocksOf(unpacked(input, options.what));
  const about = { tenant: options.tenant, source: options.source, settings };
  const batches = inWorkers
    ? preparedInWorkers(blocks, {
        ...about,
        secrets: stores.secrets.current(options.tenant),
        today: dayOf(stores.clock()),
        dataDirectory: stores.directory.path,
        ledgerId: stores.directory.meta.ledgerId,
      })
    : preparedBatches(blocks, preparerFor(stores, about));
  await stores.intake!.take(batches, account, onProgress && (() => onProgress(answer())));
  if (options.finished) await stores.intake!.closeSources(options.tenant, account.sources.keys());
  return answer();
}
