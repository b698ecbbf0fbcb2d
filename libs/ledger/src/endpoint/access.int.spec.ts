import { EventStoreDBClient, excludeSystemEvents, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, scryptSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../../platform/src/testing/certificates.js';
import { ServedLedger } from '../testing/served-ledger.js';
import { LedgerEndpoint } from './ledger-endpoint.js';
import { readUsersFile } from './users.js';

const salt = randomBytes(16);
const hashed = `${salt.toString('hex')}:${scryptSync('secret-ops', salt, 32).toString('hex')}`;
let directory: string;
let served: ServedLedger;
const at = (file: string): string => join(directory, file);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-access-'));
  const authority = TestAuthority.make();
  const { cert, key } = authority.issue();
  writeFileSync(at('ca.pem'), authority.cert);
  writeFileSync(at('cert.pem'), cert);
  writeFileSync(at('key.pem'), key);
  writeFileSync(
    at('users.json'),
    JSON.stringify({
      admin: { password: 'secret-admin' },
      ops: { scrypt: hashed },
      ada: { password: 'secret-ada' },
      grace: { password: 'secret-grace', groups: ['readers'] },
    }),
  );
  const tls = { certFile: at('cert.pem'), keyFile: at('key.pem') };
  served = await ServedLedger.start({ tls, users: readUsersFile(at('users.json')), declareDefaults: true });
});
afterAll(async () => {
  await served.remove();
  rmSync(directory, { recursive: true, force: true });
});

const events = () => [jsonEvent({ type: 'test', data: {} })];

/** Does something as a user, and says how it went. */
async function as(login: string, act: (client: EventStoreDBClient) => Promise<unknown>): Promise<unknown> {
  const { port } = served.endpoint;
  const client = EventStoreDBClient.connectionString(
    `esdb://${login}127.0.0.1:${port}?tls=true&tlsCAFile=${encodeURIComponent(at('ca.pem'))}`,
  );
  const outcome = await act(client).then(
    () => 'done',
    (error: { type?: string; code?: number }) => `${error.type}`,
  );
  await client.dispose();
  return outcome;
}
const ADMIN = 'admin:secret-admin@';
const OPS = 'ops:secret-ops@';
const ADA = 'ada:secret-ada@';
const GRACE = 'grace:secret-grace@';
const reading = (stream: string) => async (client: EventStoreDBClient) => {
  for await (const { event } of client.readStream(stream)) expect(event?.streamId).toBe(stream);
};
const appending = (stream: string) => (client: EventStoreDBClient) => client.appendToStream(stream, events());

describe('with users', () => {
  it('nobody comes in without a name, or with a wrong password; right after right is right again', async () => {
    expect(await as(ADA, appending('a'))).toBe('done');
    for (const login of ['', 'ada:wrong@', 'nobody:x@', 'ops:secret-ada@']) {
      expect(await as(login, appending('a'))).toBe('access-denied');
      expect(await as(login, reading('a'))).toBe('access-denied');
    }
    for (const login of [ADA, GRACE, OPS, OPS, ADMIN]) expect(await as(login, reading('a'))).toBe('done');
  });

  it('system streams and $all are for admin and ops', async () => {
    expect(await as(ADA, appending('$mine'))).toBe('access-denied');
    const all = async (client: EventStoreDBClient) => {
      for await (const _ of client.readAll({ maxCount: 1 }));
    };
    expect(await as(ADA, all)).toBe('access-denied');
    for (const login of [ADMIN, OPS]) {
      expect(await as(login, appending('$mine'))).toBe('done');
      expect(await as(login, all)).toBe('done');
    }
  });

  it('a stream says itself who may do what with it', async () => {
    await as(ADMIN, appending('acl'));
    const acl = {
      readRoles: ['readers'],
      writeRoles: ['ada'],
      deleteRoles: [],
      metaReadRoles: ['ada'],
      metaWriteRoles: [],
    };
    expect(await as(ADA, (client) => client.setStreamMetadata('acl', { acl }))).toBe('done');
    expect([await as(ADA, appending('acl')), await as(GRACE, appending('acl'))]).toEqual(['done', 'access-denied']);
    expect([await as(ADA, reading('acl')), await as(GRACE, reading('acl'))]).toEqual(['access-denied', 'done']);
    expect(await as(ADA, (client) => client.deleteStream('acl'))).toBe('access-denied');
    expect(await as(GRACE, reading('$$acl'))).toBe('access-denied');
    expect(await as(ADA, reading('$$acl'))).toBe('done');
    expect(await as(ADA, (client) => client.setStreamMetadata('acl', {}))).toBe('access-denied');
    expect(await as(OPS, (client) => client.setStreamMetadata('acl', {}))).toBe('done');
    expect(await as(GRACE, appending('acl'))).toBe('done');
  });

  it('a link shows nothing that its reader may not read', async () => {
    const link = {
      ...jsonEvent({ type: '$>', data: '' }),
      contentType: 'application/octet-stream',
      data: Buffer.from('0@$mine'),
    };
    await as(OPS, appending('$mine'));
    await as(ADA, (client) => client.appendToStream('links', [link] as never));
    const resolved = (login: string) =>
      as(login, async (client) => {
        for await (const { event } of client.readStream('links', { resolveLinkTos: true }))
          if (event === undefined) throw Object.assign(new Error(), { type: 'hidden' });
      });
    expect([await resolved(ADA), await resolved(OPS)]).toEqual(['hidden', 'done']);
  });

  it('what the endpoint wrote of itself is a system event by its type', async () => {
    const fresh = await ServedLedger.start({ declareDefaults: true });
    await fresh.client.appendToStream('mine', events());
    const types: (string | undefined)[] = [];
    for await (const { event } of fresh.client.subscribeToAll({ filter: excludeSystemEvents() })) {
      types.push(event?.type);
      if (event?.streamId === 'mine') break;
    }
    let settings: string | undefined;
    for await (const { event } of fresh.client.readStream('$settings')) settings = event?.type;
    expect([types, settings]).toEqual([['test'], '$settings']);
    await fresh.remove();
  });

  it('what counts by default stands in $settings', async () => {
    const data = { $userStreamAcl: { $r: ['ada'], $w: '$all', $d: '$all', $mr: '$all', $mw: '$all' } };
    await as(ADMIN, (client) => client.appendToStream('$settings', [jsonEvent({ type: 'update-default-acl', data })]));
    await as(ADMIN, appending('by-default'));
    expect([await as(ADA, reading('by-default')), await as(GRACE, reading('by-default'))]).toEqual([
      'done',
      'access-denied',
    ]);
  });
});

describe('an endpoint that would be open', () => {
  it('is refused off this machine in plain text, and starts where it is told that it may', async () => {
    const { ledger } = served;
    await expect(LedgerEndpoint.start({ ledger, host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'TALLY_LEDGER_PLAINTEXT',
    });
    await (await LedgerEndpoint.start({ ledger, host: '0.0.0.0', allowPlaintext: true })).close(0);
  });

  it('is refused with a certificate that is not there, or a port that is taken', async () => {
    const { ledger, endpoint } = served;
    const tls = { certFile: at('none.pem'), keyFile: at('key.pem') };
    await expect(LedgerEndpoint.start({ ledger, tls })).rejects.toMatchObject({ code: 'TALLY_CERTIFICATE_UNREADABLE' });
    await expect(LedgerEndpoint.start({ ledger, port: endpoint.port })).rejects.toMatchObject({
      code: 'TALLY_LEDGER_CANNOT_LISTEN',
    });
  });

  it('is refused with users that cannot be read, and no password is told', () => {
    writeFileSync(at('bad.json'), '{"ada": {"passwort": "hunter2"}}');
    writeFileSync(at('worse.json'), '{"ada": hunter2');
    for (const file of [at('bad.json'), at('worse.json'), at('none.json')]) {
      let told: unknown;
      try {
        readUsersFile(file);
      } catch (error) {
        told = error;
      }
      expect(told).toMatchObject({ code: 'TALLY_BAD_USERS' });
      expect((told as Error).message).not.toContain('hunter2');
    }
  });
});
