import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../../platform/src/testing/certificates.js';
import { EmbeddedLedger } from '../embedded/store.js';
import { LedgerEndpoint } from '../endpoint/ledger-endpoint.js';
import { testEvent } from '../testing/test-event.js';
import { EventStoreLedger } from './store.js';

let directory: string;
let served: EmbeddedLedger;
let endpoint: LedgerEndpoint;
const at = (file: string): string => join(directory, file);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-tls-'));
  const authority = TestAuthority.make();
  const { cert, key } = authority.issue();
  writeFileSync(at('ca.pem'), authority.cert);
  writeFileSync(at('other.pem'), TestAuthority.make('another').cert);
  writeFileSync(at('cert.pem'), cert);
  writeFileSync(at('key.pem'), key);
  served = EmbeddedLedger.open(at('ledger.sqlite'), { access: 'write' });
  endpoint = await LedgerEndpoint.start({
    ledger: served,
    tls: { certFile: at('cert.pem'), keyFile: at('key.pem') },
    users: { admin: { password: 'p@ss:w' } },
  });
});
afterAll(async () => {
  await endpoint.close();
  await served.close();
  rmSync(directory, { recursive: true, force: true });
});

const open = (scheme: string, login: string, ca = 'ca.pem'): Promise<EventStoreLedger> =>
  EventStoreLedger.open({
    url: `${scheme}://${login}127.0.0.1:${endpoint.port}?tlsCAFile=${encodeURIComponent(at(ca))}`,
    deadlineMs: 500,
  });

describe('an encrypted connection', () => {
  it.each(['esdb', 'esdb+discover'])('carries credentials: %s', async (scheme) => {
    const ledger = await open(scheme, 'admin:p%40ss%3Aw@');
    const result = await ledger.append(scheme, [testEvent(scheme)], 'no_stream');
    expect(await ledger.head()).toBe(result.position);
    await ledger.close();
  });

  it('is denied to a wrong password and to nobody', async () => {
    const denied = { code: 'TALLY_EVENTSTORE_ACCESS_DENIED', message: expect.not.stringContaining('wr0ng') };
    await expect(open('esdb', 'admin:wr0ng@')).rejects.toMatchObject(denied);
    await expect(open('esdb', '')).rejects.toMatchObject(denied);
  });

  it('is refused where somebody else signed the certificate', async () => {
    await expect(open('esdb', 'admin:p%40ss%3Aw@', 'other.pem')).rejects.toMatchObject({
      code: 'TALLY_EVENTSTORE_UNREACHABLE',
    });
  });
});
