import {
  Account,
  blocksOf,
  preparedBatches,
  preparedInWorkers,
  Preparer,
  unpacked,
  vaultOf,
  type InputBlock,
  type Prepared,
} from '#intake';
import { FORMATS, profileOf, type Settings } from '#lifecycle';
import { dayOf } from '#security';
import { WrongUse } from './errors.js';
import type { IngestAnswer, IngestOptions } from './questions.js';
import { currentSettings } from './settings.js';
import type { Stores } from './stores.js';

/** The first pass of intake over the stores of this process. */
export function preparerFor(stores: Stores, about: { tenant: string; source: string; settings: Settings }): Preparer {
  const naming = stores.secrets.naming(about.tenant);
  return new Preparer({ ...about, ...naming, today: dayOf(stores.clock()), vault: vaultOf(stores.keys) });
}

/** A mistyped source would make every line a dead letter. @throws WrongUse; the text itself is not repeated. */
function checkSource(source: string, settings: Settings): void {
  const formats: readonly string[] = FORMATS;
  if (source === 'auto' || formats.includes(source) || Object.hasOwn(settings.sources, source)) return;
  const own = Object.keys(settings.sources).sort();
  throw new WrongUse(
    'source',
    `is neither auto, nor a source of the settings (${own.join(', ') || 'none is declared'}), nor a format (${formats.join(', ')})`,
    'Name one of these, or declare the source with `tally settings declare`; nothing was read.',
  );
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
  checkSource(options.source, settings);
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
  const preparer = preparerFor(stores, about);
  const batches = inWorkers
    ? inThreadsOnceLong(blocks, preparer, {
        ...about,
        ...stores.secrets.naming(options.tenant),
        today: dayOf(stores.clock()),
        keys: { directory: stores.keysHome.path, id: stores.keysHome.meta.ledgerId },
      })
    : preparedBatches(blocks, preparer);
  await stores.intake!.take(batches, account, onProgress && (() => onProgress(answer())));
  if (options.finished) await stores.intake!.closeSources(options.tenant, account.highs);
  return answer();
}

/** Blocks (of 256 KiB) that are read here: threads take longer to start than these take to read. */
const READ_HERE = 8;

/** A short input is read in this thread, a long one goes on in threads of its own. */
async function* inThreadsOnceLong(
  blocks: AsyncGenerator<InputBlock>,
  preparer: Preparer,
  threads: Parameters<typeof preparedInWorkers>[1],
): AsyncGenerator<Prepared[]> {
  async function* first(): AsyncGenerator<InputBlock> {
    for (let read = 0; read < READ_HERE; read++) {
      const next = await blocks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  yield* preparedBatches(first(), preparer);
  const long = await blocks.next();
  if (long.done === true) return;
  const { value } = long;
  async function* rest(): AsyncGenerator<InputBlock> {
    yield value;
    yield* blocks;
  }
  yield* preparedInWorkers(rest(), threads);
}
