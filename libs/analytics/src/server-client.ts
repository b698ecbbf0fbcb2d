import { createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import { rootCertificates } from 'node:tls';
import { QUIET, SESSION_SETTINGS } from './client-settings.js';
import type { ServerPlace } from './place.js';

/**
 * A long statement tells that it is under way, in time for what closes idle connections on the way; its answer comes
 * when it has ended, so that an error has a status of its own and does not stand behind half of the rows.
 */
const ANSWERS = {
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: '30000',
  wait_end_of_query: 1,
} satisfies ClickHouseSettings;

/** The vendor's client to a server. @param database undefined where it may not exist yet. */
export function serverClient(place: ServerPlace, database: string | undefined): ClickHouseClient {
  const { url, username, password, timeoutMs = 120_000 } = place;
  return createClient({
    url,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    ...(place.tls !== undefined && { tls: tlsOf(place.tls) }),
    application: 'tallystick',
    request_timeout: timeoutMs,
    compression: { request: true, response: true },
    clickhouse_settings: { ...SESSION_SETTINGS, ...ANSWERS },
    log: QUIET,
  });
}

/** The client asks for an authority in each case. */
function tlsOf({ ca, cert, key }: NonNullable<ServerPlace['tls']>) {
  const ca_cert = Buffer.from(ca ?? rootCertificates.join('\n'));
  if (cert === undefined || key === undefined) return { ca_cert };
  return { ca_cert, cert: Buffer.from(cert), key: Buffer.from(key) };
}
