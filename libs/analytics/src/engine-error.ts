import { DiskFull, TallyError } from '#platform';
import {
  AnalyticsDamaged,
  AnalyticsForbidden,
  AnalyticsUnavailable,
  AnalyticsUntrusted,
  QueryFailed,
} from './errors.js';

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

/** Not to be let in: UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, ACCESS_DENIED, AUTHENTICATION_FAILED. */
const FORBIDDEN: ReadonlySet<number> = new Set([192, 193, 194, 497, 516]);

/**
 * What the server, its replicas or its Keeper could not do now, whatever the statement was: TOO_MANY_SIMULTANEOUS_QUERIES,
 * NO_FREE_CONNECTION, SOCKET_TIMEOUT, NETWORK_ERROR, NO_ZOOKEEPER, TABLE_IS_READ_ONLY, TOO_MANY_PARTS,
 * ALL_CONNECTION_TRIES_FAILED, TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, UNKNOWN_STATUS_OF_INSERT,
 * CANNOT_SCHEDULE_TASK, SERVER_OVERLOADED, KEEPER_EXCEPTION.
 */
const NOT_NOW: ReadonlySet<number> = new Set([202, 203, 209, 210, 225, 242, 252, 279, 285, 286, 319, 439, 745, 999]);

/** What Node says of a certificate that it does not trust. */
const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

/** The cause of what a statement failed of, by ClickHouse's number and words. */
export function engineError(error: unknown, { where, isEmbedded }: { where: string; isEmbedded: boolean }): Error {
  if (error instanceof TallyError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error, message);
  if (!isEmbedded) {
    if (code !== undefined && FORBIDDEN.has(code)) return new AnalyticsForbidden(where, code, error);
    if (code !== undefined && NOT_NOW.has(code)) return new AnalyticsUnavailable(where, firstLine(message), error);
    const word = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
    if (UNTRUSTED.test(word)) return new AnalyticsUntrusted(where, word, error);
  }
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
  return new AnalyticsUnavailable(where, firstLine(message) || 'it gave an error without a text', error);
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
