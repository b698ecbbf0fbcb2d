import type { StrategyName } from './strategies/strategy.js';

/** What a group is created with. Counts and milliseconds; the defaults are the clients'. */
export interface GroupSettings {
  resolveLinks: boolean;
  extraStatistics: boolean;
  /** 0: a message never times out. */
  messageTimeoutMs: number;
  maxRetryCount: number;
  /** 0: no checkpoint for the time alone. */
  checkpointAfterMs: number;
  minCheckpointCount: number;
  maxCheckpointCount: number;
  /** 0: any number. */
  maxSubscriberCount: number;
  liveBufferSize: number;
  readBatchSize: number;
  historyBufferSize: number;
  strategy: StrategyName;
}

/** Why a group with these settings could not work, in the server's words; undefined if it can. */
export function faultOf(settings: GroupSettings): string | undefined {
  if (settings.readBatchSize >= settings.historyBufferSize) {
    return 'ReadBatchSize may not be greater than or equal to BufferSize';
  }
  if (settings.liveBufferSize < 1) return 'LiveBufferSize must be greater than 0';
  return undefined;
}
