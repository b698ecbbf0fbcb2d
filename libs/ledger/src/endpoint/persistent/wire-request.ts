import type { persistent, shared } from '../protocol.js';
import { streamNameOf } from '../identifiers.js';
import { invalidArgument } from '../refusals.js';
import { ALL, type FilterText, placeText, type StartFrom } from './group-config.js';
import type { GroupRequest } from './groups.js';

type Wanted = persistent.CreateReq | persistent.UpdateReq;
type Options = persistent.CreateReq.Options | persistent.UpdateReq.Options;
type Settings = persistent.CreateReq.Settings | persistent.UpdateReq.Settings;
type AllOptions = persistent.CreateReq.AllOptions | persistent.UpdateReq.AllOptions;
type FilterOptions = persistent.CreateReq.AllOptions.FilterOptions;

/** The names of the deprecated numbers. */
const STRATEGY_NAMES = ['DispatchToSingle', 'RoundRobin', 'Pinned'];
const TICKS_A_MS = 10_000;
const NO_REVISION = 'Invalid Start From position: event number must be greater than or equal to -1.';
const NO_ALL = 'Persistent subscriptions to $all are only supported over gRPC through gRPC clients';

/** A request to make or to change a group. @throws CallRefused */
export function groupRequestOf(request: Wanted): GroupRequest {
  const options = request.getOptions();
  const settings = options?.getSettings();
  if (!options || !settings) throw invalidArgument('Options and settings are missing.');
  const all = options.getAll();
  const asked = all ? ofAll(all) : ofStream(options, settings);
  return { ...asked, group: options.getGroupName(), settings: settingsOf(settings) };
}

type Source = Pick<GroupRequest, 'stream' | 'startFrom' | 'filter' | 'fault'>;

/** Clients of long ago, and the Node client still, name the stream and where to start outside of the stream options. */
function ofStream(options: Options, settings: Settings): Source {
  const chosen = options.getStream();
  const stream = streamNameOf(chosen ? chosen.getStreamIdentifier() : options.getStreamIdentifier());
  const number = !chosen || chosen.hasRevision() ? signed((chosen ?? settings).getRevision()) : undefined;
  if (number === undefined && !chosen?.hasStart() && !chosen?.hasEnd()) throw invalidArgument('No start is given.');
  const place = number ?? (chosen?.hasStart() ? 0n : -1n);
  const fault = stream === ALL ? NO_ALL : place < -1n ? NO_REVISION : undefined;
  return { stream, startFrom: { place, text: placeText(stream, place) }, fault };
}

function ofAll(options: AllOptions): Source {
  const filter = 'getFilter' in options ? options.getFilter() : undefined;
  const source: Source = { stream: ALL, ...startOf(options) };
  if (filter) source.filter = filterTextOf(filter);
  return source;
}

function startOf(options: AllOptions): { startFrom: StartFrom; fault?: string } {
  const at = (place: bigint): StartFrom => ({ place, text: placeText(ALL, place) });
  if (options.hasStart()) return { startFrom: at(0n) };
  if (options.hasEnd()) return { startFrom: at(-1n) };
  const position = options.getPosition();
  if (!position) throw invalidArgument('No start is given.');
  const commit = signed(position.getCommitPosition());
  const prepare = signed(position.getPreparePosition());
  const startFrom = { place: commit, text: `C:${commit}/P:${prepare}` };
  const fault = faultOfPosition(commit, prepare);
  return fault === undefined ? { startFrom } : { startFrom, fault };
}

function faultOfPosition(commit: bigint, prepare: bigint): string | undefined {
  if (prepare > commit) {
    return 'Invalid Start From position: prepare position must be less than or equal to the commit position.';
  }
  if ((prepare < 0n || commit < 0n) && !(prepare === -1n && commit === -1n)) {
    return 'Invalid Start From position: prepare and commit positions must be greater than or equal to 0 or both equal to -1.';
  }
  return undefined;
}

function filterTextOf(options: FilterOptions): FilterText {
  const byStream = options.getStreamIdentifier();
  const expression = byStream ?? options.getEventType();
  if (!expression) throw invalidArgument('A filter needs an expression.');
  return { on: byStream ? 'stream' : 'type', regex: expression.getRegex(), prefixes: expression.getPrefixList() };
}

function settingsOf(settings: Settings): GroupRequest['settings'] {
  const named = 'getConsumerStrategy' in settings ? settings.getConsumerStrategy() : '';
  const number: number = settings.getNamedConsumerStrategy();
  return {
    resolveLinks: settings.getResolveLinks(),
    extraStatistics: settings.getExtraStatistics(),
    messageTimeoutMs: settings.hasMessageTimeoutTicks()
      ? Math.trunc(Number(settings.getMessageTimeoutTicks()) / TICKS_A_MS)
      : settings.getMessageTimeoutMs(),
    maxRetryCount: settings.getMaxRetryCount(),
    checkpointAfterMs: settings.hasCheckpointAfterTicks()
      ? Math.trunc(Number(settings.getCheckpointAfterTicks()) / TICKS_A_MS)
      : settings.getCheckpointAfterMs(),
    minCheckpointCount: settings.getMinCheckpointCount(),
    maxCheckpointCount: settings.getMaxCheckpointCount(),
    maxSubscriberCount: settings.getMaxSubscriberCount(),
    liveBufferSize: settings.getLiveBufferSize(),
    readBatchSize: settings.getReadBatchSize(),
    historyBufferSize: settings.getHistoryBufferSize(),
    strategy: named === '' ? (STRATEGY_NAMES[number] ?? String(number)) : named,
  };
}

/** 2^64 - 1 is -1, the end. */
function signed(unsigned: string): bigint {
  return BigInt.asIntN(64, BigInt(unsigned));
}

interface Named {
  getStreamIdentifier(): shared.StreamIdentifier | undefined;
  hasAll(): boolean;
  getGroupName(): string;
}

/** Which group is meant. @throws CallRefused */
export function groupNamed(options: Named | undefined): { stream: string; group: string } {
  if (!options) throw invalidArgument('Options are missing.');
  const stream = options.hasAll() ? ALL : streamNameOf(options.getStreamIdentifier());
  return { stream, group: options.getGroupName() };
}
