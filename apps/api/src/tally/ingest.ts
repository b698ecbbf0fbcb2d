import { Account, preparedBatches, preparedInWorker, Preparer, splitLines, unpacked } from '#intake';
import { profileOf, type Settings } from '#lifecycle';
import { dayOf, sealBox } from '#security';
import type { IngestAnswer, IngestOptions } from './questions.js';
import { currentSettings } from './settings.js';
import type { Stores } from './stores.js';

/** The first pass of intake over the stores of this process. */
export function preparerFor(stores: Stores, about: { tenant: string; source: string; settings: Settings }): Preparer {
  return new Preparer({
    ...about,
    secrets: stores.secrets.current(about.tenant),
    today: dayOf(stores.clock()),
    seal: (owner, eventId, content) => {
      const key = stores.keys.keyFor(owner);
      return key === undefined ? undefined : sealBox(key, eventId, content);
    },
  });
}

/** Takes an input in, to its end; each batch is durable before it is counted. A worker reads while this thread commits. */
export async function ingest(
  input: AsyncIterable<Uint8Array>,
  options: IngestOptions,
  stores: Stores,
  inWorker: boolean,
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
  const bytes = unpacked(input, options.what);
  const batches = inWorker
    ? preparedInWorker(bytes, {
        tenant: options.tenant,
        source: options.source,
        settings,
        secrets: stores.secrets.current(options.tenant),
        today: dayOf(stores.clock()),
        dataDirectory: stores.directory.path,
        ledgerId: stores.directory.meta.ledgerId,
      })
    : preparedBatches(
        splitLines(bytes),
        preparerFor(stores, { tenant: options.tenant, source: options.source, settings }),
        () => stores.keys.flush(),
      );
  await stores.intake!.take(batches, account, onProgress && (() => onProgress(answer())));
  if (options.finished) await stores.intake!.closeSources(options.tenant, account.sources.keys());
  return answer();
}
