import type { ExpectedRevision } from '../port.js';
import { invalidArgument } from './refusals.js';

/** Both messages that carry an expected revision name their fields alike but for the number. */
interface Expecting {
  hasNoStream(): boolean;
  hasAny(): boolean;
  hasStreamExists(): boolean;
}

/** @param exact the number, if that is what was sent */
export function expectedOf(options: Expecting, exact: string | undefined): ExpectedRevision {
  if (exact !== undefined) return BigInt(exact);
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (options.hasAny()) return 'any';
  throw invalidArgument('An expected revision is missing.');
}

/** As the number by which trailers and texts of errors say it. */
export function expectedVersion(expected: ExpectedRevision): bigint {
  if (typeof expected === 'bigint') return expected;
  return NUMBERS[expected];
}
const NUMBERS = { no_stream: -1n, any: -2n, stream_exists: -4n } as const;
