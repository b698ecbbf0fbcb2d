import { createHash } from 'node:crypto';
import { storedJson, streamOf } from '#lifecycle';
import type { StreamAppend } from '#ledger';
import { fact, ISSUER, SECOND, T0 } from '../../lifecycle/src/testing.js';

/** For specs: uses of three tokens, one a second, each as intake would append it. `from` were there before. */
export function usesOf(count: number, from = 0): StreamAppend[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const use = fact('token.validated', {
      at: T0 + n * SECOND,
      names: { jti: `j${n % 3}`, sub: 's0' },
      data: { issuer: ISSUER, verified: true },
      source: 'kong',
      gateway: 'gw-a',
    });
    const record = { key: hex(`key ${n}`), digest: hex(`digest ${n}`), ordinal: 0 };
    const id = hex(`id ${n}`).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.*)$/, '$1-$2-4$3-8$4-$5');
    return {
      stream: streamOf('token.validated', use.tenant, use.subject),
      expected: n < 3 ? 'no_stream' : BigInt(Math.floor(n / 3) - 1),
      events: [{ id, type: use.type, data: storedJson({ ...use, record }) }],
    };
  });
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
