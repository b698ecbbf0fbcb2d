/** Who may do what with a stream: names of users and groups; undefined where the default counts. */
export interface StreamAcl {
  read?: readonly string[];
  write?: readonly string[];
  delete?: readonly string[];
  readMetadata?: readonly string[];
  writeMetadata?: readonly string[];
}

/** What the last `$metadata` event of a stream says; keys of others are kept in its text and mean nothing here. */
export interface StreamMetadata {
  /** In seconds. */
  maxAge?: number;
  maxCount?: number;
  /** First revision that is shown. */
  truncateBefore?: number;
  /** Truncated before Int64 max: nothing is shown until somebody appends again. */
  isSoftDeleted: boolean;
  acl?: StreamAcl;
}

export const NO_METADATA: StreamMetadata = { isSoftDeleted: false };
/** Metadata streams show their last event alone. */
export const OF_METADATA_STREAMS: StreamMetadata = { isSoftDeleted: false, maxCount: 1 };
/** All that a soft delete leaves of a stream's metadata. */
export const SOFT_DELETED = '{"$tb":9223372036854775807}';

const INT64_MAX = /("\$tb"\s*:\s*)9223372036854775807(?=\s*[,}])/;
/** Int64 max as a double. */
const TWO_63 = 2 ** 63;

export function metadataStreamOf(stream: string): string {
  return `$$${stream}`;
}

/** The stream whose metadata a stream holds; undefined for any other stream. */
export function streamOfMetadata(stream: string): string | undefined {
  return stream.startsWith('$$') ? stream.slice(2) : undefined;
}

/** Reads metadata as EventStoreDB does: text that is wrong in one known key counts as no metadata at all. */
export function parseStreamMetadata(text: string): StreamMetadata {
  const object = objectOf(text);
  if (object === undefined) return NO_METADATA;
  const metadata: StreamMetadata = { isSoftDeleted: false };
  const { $maxAge: maxAge, $maxCount: maxCount, $tb: before, $cacheControl: cache, $acl: acl } = object;
  if (!isAtLeast(maxAge, 1) || !isAtLeast(maxCount, 1) || !isAtLeast(cache, 1) || !isAtLeast(before, 0))
    return NO_METADATA;
  if (maxAge !== undefined) metadata.maxAge = maxAge;
  if (maxCount !== undefined) metadata.maxCount = maxCount;
  if (before !== undefined) {
    if (before === TWO_63) {
      if (!INT64_MAX.test(text)) return NO_METADATA;
      metadata.isSoftDeleted = true;
    }
    metadata.truncateBefore = before;
  }
  if (acl !== undefined) {
    const read = readAcl(acl);
    if (read === undefined) return NO_METADATA;
    metadata.acl = read;
  }
  return metadata;
}

/** The same metadata with another first revision; undefined where it is no JSON object. */
export function truncatedFrom(text: string, revision: number): string | undefined {
  if (INT64_MAX.test(text)) return text.replace(INT64_MAX, `$1${revision}`);
  const object = objectOf(text);
  return object === undefined ? undefined : JSON.stringify({ ...object, $tb: revision });
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isAtLeast(value: unknown, least: number): value is number | undefined {
  if (value === undefined) return true;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= TWO_63;
}

/** An access list; undefined for what is none. */
export function readAcl(value: unknown): StreamAcl | undefined {
  // `$userStreamAcl` and `$systemStreamAcl` name the defaults.
  if (typeof value === 'string') return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const acl: StreamAcl = {};
  for (const [key, roles] of Object.entries(value)) {
    const field = FIELDS[key];
    if (field === undefined) continue;
    const list: unknown[] = Array.isArray(roles) ? roles : [roles];
    if (!list.every((role) => typeof role === 'string')) return undefined;
    acl[field] = list;
  }
  return acl;
}
const FIELDS: Readonly<Record<string, keyof StreamAcl>> = {
  $r: 'read',
  $w: 'write',
  $d: 'delete',
  $mr: 'readMetadata',
  $mw: 'writeMetadata',
};
