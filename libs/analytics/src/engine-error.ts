import { DiskFull } from '#platform';
import { AnalyticsDamaged, AnalyticsUnavailable, QueryFailed } from './errors.js';

/** NOT_ENOUGH_SPACE. */
const NO_SPACE = 243;

/**
 * What ClickHouse says of files whose bytes are not those that it wrote: CORRUPTED_DATA, CANNOT_DECOMPRESS,
 * CHECKSUM_DOESNT_MATCH, UNKNOWN_CODEC, NO_FILE_IN_DATA_PART, BAD_SIZE_OF_FILE_IN_DATA_PART.
 */
const DAMAGE: ReadonlySet<number> = new Set([246, 271, 40, 432, 226, 228]);

/**
 * What it says of them as well as of a statement's own values: CANNOT_READ_ALL_DATA, ATTEMPT_TO_READ_AFTER_EOF,
 * INCORRECT_DATA, SIZES_OF_COLUMNS_DOESNT_MATCH, TOO_LARGE_STRING_SIZE, FILE_DOESNT_EXIST, LOGICAL_ERROR …
 */
const PERHAPS_DAMAGE: ReadonlySet<number> = new Set([33, 32, 117, 9, 131, 107, 49, 74, 76, 190, 128, 173, 1001]);
const OF_A_PART = /while (?:reading from|loading) part|data part|(?:marks? file|\.(?:bin|c?mrk\d?|cidx|idx)\b)/i;

/** The cause of what a statement failed of, by ClickHouse's number and words. */
export function engineError(error: unknown, { where, isEmbedded }: { where: string; isEmbedded: boolean }): Error {
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error, message);
  if (
    code === NO_SPACE ||
    /No space left on device|File too large|Disk quota exceeded|errno: (27|28|122)\b|NOT_ENOUGH_SPACE/.test(message)
  )
    return new DiskFull(where, error);
  if (isDamage(code, message)) {
    const table = /\bin table (?:`?\w+`?\.)?`?(\w+)`?/.exec(message)?.[1];
    const what = `${table === undefined ? 'a part' : `a part of ${table}`} cannot be read (${firstLine(message)})`;
    return new AnalyticsDamaged(where, what, error, table);
  }
  if (code !== undefined || isEmbedded) return new QueryFailed(firstLine(message), code, error);
  return new AnalyticsUnavailable(where, firstLine(message), error);
}

function isDamage(code: number | undefined, message: string): boolean {
  if (code === undefined) return false;
  if (DAMAGE.has(code)) return true;
  return OF_A_PART.test(message) && (PERHAPS_DAMAGE.has(code) || /most likely corrupted data/i.test(message));
}

/** A ClickHouse error has a number; the client gives it as text, the embedded engine within the message. */
function codeOf(error: unknown, message: string): number | undefined {
  for (const key of ['clickhouseCode', 'code'] as const) {
    if (typeof error === 'object' && error !== null && key in error) {
      const code = Number((error as Record<string, unknown>)[key]);
      if (Number.isInteger(code)) return code;
    }
  }
  const match = /Code: (\d+)/.exec(message);
  return match === null ? undefined : Number(match[1]);
}

/** Without the stack of the server and the statement that it repeats. */
export function firstLine(message: string): string {
  return message.split('\n')[0]!.slice(0, 500);
}
