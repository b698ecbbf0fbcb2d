/** The record of the i-th request as Kong's log plugin writes it: 200 tokens in turn, a millisecond apart. */
export function lineOf(i: number): { key: string; value: string } {
  const token = i % 200;
  const line = {
    request: { id: `request-${i}`, method: 'GET', uri: '/orders', headers: { 'user-agent': 'shop-app/3.2' } },
    response: { status: 200 },
    tries: [{ ip: '198.51.100.9', port: 8080 }],
    latencies: { kong: 3, proxy: 21, request: 24 },
    client_ip: '192.0.2.10',
    started_at: 1_773_133_790_000 + i,
    token_jti: `at-${token}`,
    token_iss: 'https://idp.example.com/realms/shop',
    token_sub: `u-${token}`,
    gateway_id: 'gw-a',
    deployment_version: 'v41',
  };
  return { key: `at-${token}`, value: JSON.stringify(line) };
}
