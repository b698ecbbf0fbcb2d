import { formatTime } from '#lifecycle';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';

/** How far the ledger and each of its sources have come. */
export async function showStatus(params: ReadParams<'status'>, stores: Stores, frames: Frames): Promise<Answer> {
  const frame = await frames.frame(params);
  const marks = frame.history.watermarks.toJSON();
  return {
    kind: 'value',
    value: {
      ledgerId: stores.ledgerId,
      dataDirectory: stores.directory.path,
      tenant: params.tenant,
      knownAt: frame.knownAt,
      streams: stores.scan.streamCount(),
      deadLetters: stores.deadLetters.count(params.tenant),
      sources: Object.entries(marks).map(([source, mark]) => ({
        source,
        watermark: formatTime(mark),
        assumed: frame.history.world.resolver.profile(source)?.assumed ?? true,
      })),
      settings: frame.history.world.settingsDigest,
    },
  };
}
