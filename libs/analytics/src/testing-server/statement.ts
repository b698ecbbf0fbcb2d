import { gunzipSync } from 'node:zlib';

/** What a request asks for, as the HTTP interface reads it. */
export interface Statement {
  queryId: string;
  sql: string;
  database: string | undefined;
  /** Settings of the engine. */
  settings: ReadonlyMap<string, string>;
  /** `param_…`. */
  parameters: ReadonlyMap<string, string>;
  /** Compress the answer if the client takes it. */
  compresses: boolean;
  /** Nothing is answered before the statement has ended. */
  waits: boolean;
}

/** Parameters that are no settings. */
const RESERVED: ReadonlySet<string> = new Set(
  `query query_id database user password role session_id session_timeout session_check close_session quota_key compress
   decompress default_format stacktrace buffer_size wait_end_of_query client_protocol_version`.split(/\s+/),
);

/** Settings of the HTTP layer: the engine alone does not know them. */
const OF_HTTP: ReadonlySet<string> = new Set(
  `enable_http_compression http_zlib_compression_level send_progress_in_http_headers http_headers_progress_interval_ms
   http_response_buffer_size http_wait_end_of_query`.split(/\s+/),
);

/** @param body as it came, perhaps compressed */
export function readStatement(
  url: URL,
  body: Buffer,
  headers: { 'content-encoding'?: string | undefined; 'content-type'?: string | undefined },
  queryId: string,
): Statement {
  const bytes = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1];
  // A form's fields stand beside the URL's parameters.
  const given = new URLSearchParams(url.searchParams);
  if (boundary !== undefined)
    for (const [name, value] of formFields(bytes.toString('utf8'), boundary)) given.set(name, value);
  const text = boundary === undefined ? bytes.toString('utf8') : '';
  const inUrl = given.get('query') ?? '';
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of given) {
    if (name.startsWith('param_')) parameters.set(name, value);
    else if (!RESERVED.has(name) && !OF_HTTP.has(name)) settings.set(name, value);
  }
  return {
    queryId: given.get('query_id') ?? queryId,
    sql: inUrl !== '' && text !== '' ? `${inUrl}\n${text}` : inUrl + text,
    database: given.get('database') ?? undefined,
    settings,
    parameters,
    compresses: given.get('enable_http_compression') === '1',
    waits: given.get('wait_end_of_query') === '1',
  };
}

function formFields(text: string, boundary: string): [string, string][] {
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const head = part.indexOf('\r\n\r\n');
      const name = /name="([^"]+)"/.exec(part.slice(0, head))?.[1] ?? '';
      return [name, part.slice(head + 4, -2)];
    });
}

/** Every parameter that changes a setting: what a user who may only read is refused. */
export function settingsIn(url: URL): string[] {
  return [...url.searchParams.keys()].filter((name) => !RESERVED.has(name) && !name.startsWith('param_'));
}

export function isReading(sql: string): boolean {
  return /^\s*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i.test(sql);
}

export function formatOf(sql: string): string {
  return /\bFORMAT\s+(\w+)[\s;]*$/i.exec(sql)?.[1] ?? 'TabSeparated';
}
