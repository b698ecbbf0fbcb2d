import type { Json, JsonObject } from './adapter.js';
import { isObject } from './fields.js';

/** One record of a line (MODEL §2.3), or what stands there instead, with the reason. */
export type LineRecord = { json: JsonObject; text: string } | { bad: string; text: string };

/** A byte order mark, NULs (a truncated and reopened log file) and white space before a record are none. */
const LEADING = /^[\uFEFF\u0000\s]+/;

/** No shipped format nests deeper than about ten levels; what walks a record may go down this far safely. */
const MAX_NESTING = 200;

/**
 * The records of one line: one JSON object, the elements of an array, or several values written one after another
 * (interleaved standard output). Blank lines and empty arrays have none. Where valid values are followed by something
 * that is not JSON, such as a cut object, the rest of the line is one bad record.
 */
export function recordsOfLine(line: string): LineRecord[] {
  const text = line.charCodeAt(0) === 0x7b ? line : line.replace(LEADING, '');
  if (text === '') return [];
  const whole = parse(text);
  if (whole !== undefined) return recordsOfValue(whole, text);
  const records: LineRecord[] = [];
  let from = 0;
  while (from < text.length) {
    const end = endOfValue(text, from);
    const piece = end === undefined ? undefined : text.slice(from, end);
    const value = piece === undefined ? undefined : parse(piece);
    if (piece === undefined || value === undefined) {
      records.push({ bad: 'is not JSON', text: text.slice(from).trimEnd() });
      return records;
    }
    records.push(...recordsOfValue(value, piece));
    from += piece.length;
    from += LEADING.exec(text.slice(from))?.[0].length ?? 0;
  }
  return records;
}

function recordsOfValue(value: Json, text: string): LineRecord[] {
  if (!Array.isArray(value)) return [recordOf(value, text)];
  const texts = elementsOf(text);
  return value.map((element, i) => recordOf(element, texts[i]!));
}

function recordOf(value: Json, text: string): LineRecord {
  if (isTooDeep(value, MAX_NESTING)) return { bad: 'is nested too deeply', text: text.trim() };
  return isObject(value) ? { json: value, text } : { bad: 'is not a JSON object', text: text.trim() };
}

/** Whether anything stands deeper than `left` levels; it never goes deeper itself. */
function isTooDeep(value: Json, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isTooDeep(item, left - 1));
  for (const key in value) {
    const inner = value[key]!;
    if (typeof inner === 'object' && isTooDeep(inner, left - 1)) return true;
  }
  return false;
}

/** The texts of the elements of a valid JSON array, as they stand there. */
function elementsOf(text: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      if (depth++ === 0) from = i + 1;
    } else if ((code === 0x2c && depth === 1) || ((code === 0x7d || code === 0x5d) && --depth === 0)) {
      texts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  return texts;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Where the object or array that starts at `from` closes; undefined if none starts there or it never closes. */
function endOfValue(text: string, from: number): number | undefined {
  if (text[from] !== '{' && text[from] !== '[') return undefined;
  let depth = 0;
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return undefined;
}

/** Field names of the shipped formats. Only these may be told of a line that is not JSON (MODEL §9.3). */
const KNOWN_KEYS = new Set(
  `request response headers querystring uri url method status size upstream_uri upstream tries latencies route service consumer
  client_ip started_at start_time latency upstream_latency apisix_latency server route_id service_id authorization cookie set-cookie
  x-api-key x-request-id x-forwarded-access-token access_token refresh_token id_token user-agent host token_jti token_iss token_sub
  token_exp token_sha256 gateway_id region deployment_version auth_error response_code response_code_details response_flags
  request_id downstream_remote_address upstream_cluster user_agent jwt verified_jwt node_id iss sub aud client_id jti iat exp nbf
  scope api_key api_id org_id oauth_id raw_request raw_response timestamp tags organization environment apiproxy messageid
  system.timestamp expires_in issued_at grant_type access_token_hash fault.name id time type realmId realmName clientId userId
  sessionId ipAddress error details token_id refresh_token_id updated_refresh_token_id uuid published eventType actor target outcome
  debugContext specversion source subject data context @timestamp`.split(/\s+/),
);

/** The known field names that a text shows as JSON keys, in order of the alphabet; nothing else of it. */
export function recognisedKeys(text: string): string[] {
  const seen = new Set<string>();
  for (const match of text.matchAll(/"([@\w.-]{1,40})"\s*:/g)) {
    if (KNOWN_KEYS.has(match[1]!)) seen.add(match[1]!);
  }
  return [...seen].sort();
}
