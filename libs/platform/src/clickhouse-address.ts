/** What the address of a ClickHouse server may say behind `?`, and the environment beside it: `tls_ca` is TALLY_CLICKHOUSE_TLS_CA. */
export const CLICKHOUSE_OPTIONS = ['password_file', 'tls_ca', 'tls_cert', 'tls_key', 'timeout_s'] as const;
export type ClickHouseOption = (typeof CLICKHOUSE_OPTIONS)[number];

/**
 * The address that the environment names: TALLY_CLICKHOUSE, with TALLY_CLICKHOUSE_USER, _PASSWORD, _PASSWORD_FILE,
 * _DATABASE, _TLS_CA, _TLS_CERT, _TLS_KEY and _TIMEOUT_S for what it does not say itself. Undefined: the embedded engine.
 * @param given an address that was typed: it takes the place of TALLY_CLICKHOUSE.
 */
export function clickhouseAddress(
  env: Readonly<Record<string, string | undefined>>,
  given = env['TALLY_CLICKHOUSE'],
): string | undefined {
  if (given === undefined || given === '' || !URL.canParse(given)) return given === '' ? undefined : given;
  const url = new URL(given);
  const said = (name: string): string => env[`TALLY_CLICKHOUSE_${name}`] ?? '';
  if (url.username === '') url.username = encodeURIComponent(said('USER'));
  if (url.pathname === '/' && said('DATABASE') !== '') url.pathname = said('DATABASE');
  const hasFile = url.searchParams.has('password_file') || said('PASSWORD_FILE') !== '';
  if (url.password === '' && !hasFile) url.password = encodeURIComponent(said('PASSWORD'));
  for (const option of CLICKHOUSE_OPTIONS) {
    const value = said(option.toUpperCase());
    if (value !== '' && !url.searchParams.has(option)) url.searchParams.set(option, value);
  }
  return url.href;
}
