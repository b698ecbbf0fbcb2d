import type { StoredEvent } from '../embedded/stored-event.js';
import { GuardedPattern } from './guarded-pattern.js';
import type { streams } from './protocol.js';
import { invalidArgument } from './refusals.js';

/** Which events of `$all` a reader wants. */
export interface EventFilter {
  /** One answer for each event, in order. @throws CallRefused where a pattern takes too long */
  select(events: readonly StoredEvent[]): boolean[];
}

export interface FilterWindow {
  filter: EventFilter;
  /** After so many events looked at, a subscription says how far it has come. */
  checkpointInterval: number;
}

/** Events looked at in one page where the reader does not say. */
const PAGE = 32;

/** @throws CallRefused for a filter that says nothing, or a pattern that is none */
export function filterOf(options: streams.ReadReq.Options.FilterOptions): FilterWindow {
  const byStream = options.getStreamIdentifier();
  const expression = byStream ?? options.getEventType();
  if (expression === undefined) throw invalidArgument('A filter needs an expression.');
  if (!options.hasMax() && !options.hasCount()) throw invalidArgument('A filter needs a window.');
  const window = options.hasMax() ? options.getMax() : PAGE;
  const textOf = byStream === undefined ? (event: StoredEvent) => event.type : (event: StoredEvent) => event.stream;
  return {
    filter: selecting(textOf, expression.getRegex(), expression.getPrefixList()),
    checkpointInterval: window * options.getCheckpointintervalmultiplier(),
  };
}

/** Events by a pattern, or where that is empty by prefixes. */
export function selecting(
  textOf: (event: StoredEvent) => string,
  regex: string,
  prefixes: readonly string[],
): EventFilter {
  if (regex === '') {
    return { select: (events) => events.map((event) => prefixes.some((prefix) => textOf(event).startsWith(prefix))) };
  }
  const pattern = new GuardedPattern(regex);
  return { select: (events) => pattern.test(events.map(textOf)) };
}
