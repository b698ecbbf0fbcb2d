import { type FilterWindow, filterOf } from './event-filter.js';
import { streamNameOf } from './identifiers.js';
import { streams } from './protocol.js';
import { invalidArgument } from './refusals.js';

type Options = streams.ReadReq.Options;

/** A read as it was asked for, checked. */
export interface ReadRequest {
  /** Undefined for `$all`. */
  stream: string | undefined;
  direction: 'forwards' | 'backwards';
  from: 'start' | 'end' | number;
  /** Undefined for a subscription. */
  maxCount: number | undefined;
  resolveLinks: boolean;
  filter: FilterWindow | undefined;
  isStructured: boolean;
  /** From 1 on, a read of a stream also says where the stream begins and ends. */
  compatibility: number;
}

/** @throws CallRefused for what is missing, or goes with nothing */
export function readRequestOf(options: Options | undefined): ReadRequest {
  if (options === undefined) throw invalidArgument('A read needs options.');
  const uuids = options.getUuidOption();
  if (uuids === undefined) throw invalidArgument('uuidOption is required.');
  const isBackwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
  const isSubscription = options.hasSubscription();
  if (!isSubscription && !options.hasCount()) throw invalidArgument('A read needs a count, or is a subscription.');
  if (isSubscription && isBackwards) throw invalidArgument('A subscription goes forwards.');
  const filter = options.getFilter();
  if (filter !== undefined && options.hasStream()) throw invalidArgument('Only reads of $all take a filter.');
  const window = filter && filterOf(filter);
  if (isSubscription && window?.checkpointInterval === 0)
    throw invalidArgument('checkpointIntervalMultiplier must be greater than 0.');
  return {
    ...placeOf(options),
    direction: isBackwards ? 'backwards' : 'forwards',
    maxCount: isSubscription ? undefined : Number(options.getCount()),
    resolveLinks: options.getResolveLinks(),
    filter: window,
    isStructured: !uuids.hasString(),
    compatibility: options.getControlOption()?.getCompatibility() ?? 0,
  };
}

function placeOf(options: Options): Pick<ReadRequest, 'stream' | 'from'> {
  const stream = options.getStream();
  if (stream !== undefined) {
    const from = stream.hasRevision() ? numberOf(stream.getRevision()) : stream.hasEnd() ? 'end' : 'start';
    return { stream: streamNameOf(stream.getStreamIdentifier()), from };
  }
  const all = options.getAll();
  if (all === undefined) throw invalidArgument('A read needs a stream, or $all.');
  const position = all.getPosition();
  const from = position !== undefined ? numberOf(position.getCommitPosition()) : all.hasEnd() ? 'end' : 'start';
  return { stream: undefined, from };
}

/** Places past every number that the store gives are past its end, whatever they are. */
function numberOf(text: string): number | 'end' {
  const number = Number(text);
  return number >= Number.MAX_SAFE_INTEGER ? 'end' : number;
}
