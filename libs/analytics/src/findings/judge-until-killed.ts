import { createHash } from 'node:crypto';
import { fullType, nameOf, namingSecrets, storedJson, streamOf, type Fact, type ObservationType } from '#lifecycle';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import { FindingsFollower } from './findings-follower.js';

/**
 * A program for the crash test: appends facts that raise, amend and withdraw findings, and judges them, without end.
 * Arguments: ledger file, findings file, number of the first batch. One line a batch that was judged: its number.
 */
const [, , ledgerFile = '', findingsFile = '', first = '0'] = process.argv;

const SECRETS = namingSecrets(1, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const ISSUER = 'https://idp.example.com/realms/shop';
const T0 = Date.UTC(2026, 2, 10, 9);
const TOKENS_A_BATCH = 30;
const SETTINGS = {
  sources: { keycloak: { format: 'keycloak', issuers: { shop: ISSUER } }, envoy: { format: 'envoy' } },
};

/** The facts of a batch: new tokens are accepted; half of those of the batch before turn out to have been issued. */
function factsOf(batch: number): Fact[] {
  const at = T0 + batch * 60_000;
  const facts: Fact[] = [];
  if (batch === 0) facts.push(factAt('settings.declared', 'tally', at, 'default', { settings: SETTINGS }));
  for (let i = 0; i < TOKENS_A_BATCH; i++) {
    const expiry = { kind: 'never', raw: null, unit: 'none', flags: [] };
    const data = { issuer: ISSUER, verified: true, ...(i === 0 && { expiry }) };
    facts.push(factAt('token.validated', 'envoy', at + i, tokenName(batch, i), data));
    if (i % 2 === 0 && batch > 0)
      facts.push(factAt('token.issued', 'keycloak', at + i - 70_000, tokenName(batch - 1, i), { issuer: ISSUER }));
  }
  return facts;
}

function tokenName(batch: number, i: number): string {
  return nameOf(SECRETS, 'jti', ISSUER, `${batch}.${i}`);
}

function factAt(type: ObservationType, source: string, time: number, subject: string, data: Fact['data']): Fact {
  const key = createHash('sha256').update(`${type} ${source} ${time} ${subject}`).digest('hex').slice(0, 32);
  const names = type.startsWith('token.') ? { jti: subject } : {};
  const record = { key, digest: key, ordinal: 0 };
  return { id: key, type: fullType(type), source, tenant: 'default', subject, time, names, data, record };
}

const ledger = EmbeddedLedger.open(ledgerFile, { access: 'write' });
const scan = LedgerScan.open(ledgerFile);
const clock = (): number => T0 + 1_000_000_000;
const follower = new FindingsFollower({ ledger, scan, file: findingsFile, clock });
for (let batch = Number(first); ; batch++) {
  for (const fact of factsOf(batch)) {
    const id = `${fact.id.slice(0, 8)}-${fact.id.slice(8, 12)}-8${fact.id.slice(13, 16)}-a${fact.id.slice(17, 20)}-${fact.id.slice(20, 32)}`;
    const stream = streamOf(
      fact.type === fullType('settings.declared') ? 'settings.declared' : 'token.issued',
      'default',
      fact.subject,
    );
    const [revision] = await ledger.revisionsOf([stream]);
    const isKnown = [...scan.streamRows(stream)].some((row) => row.data.includes(fact.id));
    if (!isKnown)
      await ledger.append(
        stream,
        [{ id, type: fact.type, data: storedJson(fact), metadata: '{"links":true}' }],
        revision ?? 'no_stream',
      );
  }
  await follower.catchUp();
  process.stdout.write(`${batch}\n`);
}
