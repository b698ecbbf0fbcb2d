import { createHash } from 'node:crypto';
import { shortType, storedJson, streamOf, type ObservationType, type RecordedFact } from '#lifecycle';
import type { StreamAppend } from '#ledger';
import {
  aliased,
  expiresAt,
  fact,
  HOUR,
  ISSUER,
  named,
  SECOND,
  settingsFact,
  use,
} from '../../lifecycle/src/testing.js';

/** For specs: uses of three tokens, one a second, each as intake would append it. `from` were there before. */
export function usesOf(count: number, from = 0): StreamAppend[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return appendOf(use(`j${n % 3}`, n * SECOND, { source: 'kong' }), n);
  });
}

/** For specs: facts of every kind that some table is made of, twenty at a time. */
export function lifeOf(count: number, from = 0): StreamAppend[] {
  return Array.from({ length: count }, (_, i) => appendOf(oneOf(from + i), from + i));
}

/** For specs: the settings under which what `lifeOf` says counts. */
export function settingsAppend(): StreamAppend {
  return appendOf(settingsFact(), -1);
}

function oneOf(n: number): RecordedFact {
  const round = Math.floor(n / 20);
  const jti = `j${round}`;
  const at = n * SECOND;
  const names = { jti, sub: `s${round % 2}`, cli: 'shop' };
  const issued = { verified: true, alg: 'RS256', kind: 'access', ...expiresAt(HOUR) };
  const reason = { reason: `reason\twith "signs" ${round}\n` };
  const kinds: (() => RecordedFact)[] = [
    () => fact('token.issued', { at, names: { ...names, fam: `f${round}` }, data: issued }),
    () =>
      fact('token.issued', { at, names: { ...names, jti: `k${n}` }, data: { ...issued, parent: named('jti', jti) } }),
    () => fact('token.rejected', { at, names, gateway: 'gw-b', data: { issuer: ISSUER, status: 401, ...reason } }),
    () => fact('token.renewed', { at, names, data: expiresAt(2 * HOUR) }),
    () => fact('token.suspended', { at, names, data: reason }),
    () => fact('token.reinstated', { at, names, data: reason }),
    () => aliased({ jti, tok: `t${round}` }, { at, gateway: 'gw-a' })[0]!,
    () => aliased({ jti, tok: `t${round}` }, { at, gateway: 'gw-a' })[1]!,
    () => fact('token.rotated', { at, names, data: { successor: named('jti', `k${n}`) } }),
    () => fact('token.revoked', { at, names, data: { cause: 'logout' } }),
    () => fact('family.revoked', { at, names: { fam: `f${round}` }, data: {} }),
    () => fact('fence.raised', { at, data: { cutoff: at, match: { sub: named('sub', 's0') }, cause: 'logout' } }),
  ];
  return kinds[n % 20]?.() ?? use(jti, at, { version: '1.0' });
}

function appendOf(each: RecordedFact, n: number): StreamAppend {
  const record = { key: hex(`key ${n}`), digest: hex(`digest ${n}`), ordinal: 0 };
  const id = hex(`id ${n}`).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.*)$/, '$1-$2-4$3-8$4-$5');
  const type = shortType(each.type) as ObservationType;
  return {
    stream: streamOf(type, each.tenant, each.subject),
    expected: 'any',
    events: [{ id, type: each.type, data: storedJson({ ...each, record }), metadata: '{"links":true}' }],
  };
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
