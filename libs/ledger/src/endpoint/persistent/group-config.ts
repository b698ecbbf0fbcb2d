import type { Place } from './message.js';
import type { GroupSettings } from './settings.js';

export const ALL = '$all';

/** Which events of `$all` a group wants; the pattern wins where it is not empty. */
export interface FilterText {
  on: 'stream' | 'type';
  regex: string;
  prefixes: readonly string[];
}

export interface StartFrom {
  /** Inclusive; -1n: what comes after the group was made. */
  place: Place;
  /** As clients are told it. */
  text: string;
}

/** Everything by which a group is made again after a restart. */
export interface GroupConfig {
  /** `$all` for all streams. */
  stream: string;
  group: string;
  filter?: FilterText;
  settings: GroupSettings;
  startFrom: StartFrom;
  /** The last place when it was made: where a group from the end begins, also after a restart. */
  since: Place;
}

/** The name of a group among all, in the names of its streams and towards its subscribers. */
export function keyOf(stream: string, group: string): string {
  return `${stream}::${group}`;
}

/** A place as clients are told it and as checkpoints hold it. */
export function placeText(stream: string, place: Place): string {
  return stream === ALL ? `C:${place}/P:${place}` : String(place);
}

/** Undefined for what is none. */
export function placeOf(text: string): Place | undefined {
  const [, commit, revision] = /^(?:C:(-?\d{1,19})\/P:-?\d{1,19}|(-?\d{1,19}))$/.exec(text) ?? [];
  const digits = commit ?? revision;
  return digits === undefined ? undefined : BigInt(digits);
}

/** What groups on `$all` write about themselves: no reader of `$all` gets it, or they would follow themselves. */
export function isBookkeepingOfAll(stream: string): boolean {
  return stream.startsWith('$persistentsubscription-$all::') && /-(?:checkpoint|parked)$/.test(stream);
}
