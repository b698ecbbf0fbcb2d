import { z } from 'zod';
import { TallyError } from '#platform';
import type { StreamChange } from '../embedded-store.js';
import type { ServerCore } from '../server-core.js';
import { type GroupConfig, placeOf } from './group-config.js';
import { STRATEGIES } from './strategies/strategy.js';
import { bookkeeping, bookkeepingMetadata } from './system-stream.js';

export const CONFIG_STREAM = '$persistentSubscriptionConfig';

const count = z.number().int();
const place = z.string().transform((text, context) => {
  const read = placeOf(text);
  if (read === undefined) context.addIssue('no place');
  return read ?? -1n;
});

const ENTRY = z.object({
  stream: z.string(),
  group: z.string(),
  filter: z.object({ on: z.enum(['stream', 'type']), regex: z.string(), prefixes: z.array(z.string()) }).nullish(),
  resolveLinkTos: z.boolean(),
  extraStatistics: z.boolean(),
  messageTimeout: count,
  startPosition: z.string(),
  since: place,
  liveBufferSize: count,
  historyBufferSize: count,
  maxRetryCount: count,
  readBatchSize: count,
  checkPointAfter: count,
  minCheckPointCount: count,
  maxCheckPointCount: count,
  maxSubscriberCount: count,
  namedConsumerStrategy: z.enum(STRATEGIES),
});
type Entry = z.input<typeof ENTRY>;
const CONFIG = z.object({ entries: z.array(ENTRY) });

/** Another program wrote into the system stream, or a newer version of this one. */
export class UnreadableGroups extends TallyError {
  readonly code = 'TALLY_UNREADABLE_GROUPS';
  constructor(revision: number, cause: unknown) {
    super(`Event ${revision} of ${CONFIG_STREAM} is no list of persistent subscriptions.`, {
      facts: { stream: CONFIG_STREAM, revision },
      remedy: `Append the event before it to ${CONFIG_STREAM} again, or start the version that wrote it.`,
      cause,
    });
  }
}

/** All groups, as the last event of a system stream: written anew at every change. */
export class ConfigStream {
  constructor(private readonly core: ServerCore) {}

  /** @throws UnreadableGroups */
  read(): GroupConfig[] {
    const [event] = this.core.ledger.streamPage('backwards', CONFIG_STREAM, Number.MAX_SAFE_INTEGER, 1);
    if (!event) return [];
    try {
      return CONFIG.parse(JSON.parse(Buffer.from(event.data).toString())).entries.map(toConfig);
    } catch (error) {
      throw new UnreadableGroups(event.revision, error);
    }
  }

  /**
   * @param by the user who changed something
   * @param together what changes with it
   */
  async write(configs: readonly GroupConfig[], by: string, together: readonly StreamChange[] = []): Promise<void> {
    const data = { version: '2', updated: new Date().toISOString(), updatedBy: by, entries: configs.map(toEntry) };
    const event = bookkeeping(CONFIG_STREAM, '$PersistentConfig', data);
    const isNew = !this.core.ledger.hasMetadata(CONFIG_STREAM);
    const metadata = isNew ? [bookkeepingMetadata(CONFIG_STREAM, { $maxCount: 2 })] : [];
    await this.core.ledger.change([event, ...metadata, ...together]);
  }
}

function toEntry({ stream, group, filter, settings, startFrom, since }: GroupConfig): Entry {
  return {
    stream,
    group,
    filter: filter ? { ...filter, prefixes: [...filter.prefixes] } : null,
    resolveLinkTos: settings.resolveLinks,
    extraStatistics: settings.extraStatistics,
    messageTimeout: settings.messageTimeoutMs,
    startPosition: startFrom.text,
    since: String(since),
    liveBufferSize: settings.liveBufferSize,
    historyBufferSize: settings.historyBufferSize,
    maxRetryCount: settings.maxRetryCount,
    readBatchSize: settings.readBatchSize,
    checkPointAfter: settings.checkpointAfterMs,
    minCheckPointCount: settings.minCheckpointCount,
    maxCheckPointCount: settings.maxCheckpointCount,
    maxSubscriberCount: settings.maxSubscriberCount,
    namedConsumerStrategy: settings.strategy,
  };
}

function toConfig(entry: z.output<typeof ENTRY>): GroupConfig {
  const config: GroupConfig = {
    stream: entry.stream,
    group: entry.group,
    startFrom: { place: placeOf(entry.startPosition) ?? -1n, text: entry.startPosition },
    since: entry.since,
    settings: {
      resolveLinks: entry.resolveLinkTos,
      extraStatistics: entry.extraStatistics,
      messageTimeoutMs: entry.messageTimeout,
      maxRetryCount: entry.maxRetryCount,
      checkpointAfterMs: entry.checkPointAfter,
      minCheckpointCount: entry.minCheckPointCount,
      maxCheckpointCount: entry.maxCheckPointCount,
      maxSubscriberCount: entry.maxSubscriberCount,
      liveBufferSize: entry.liveBufferSize,
      readBatchSize: entry.readBatchSize,
      historyBufferSize: entry.historyBufferSize,
      strategy: entry.namedConsumerStrategy,
    },
  };
  if (entry.filter) config.filter = entry.filter;
  return config;
}
