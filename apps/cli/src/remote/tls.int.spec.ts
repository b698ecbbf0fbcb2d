import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { announceRunning, createLog, PlaintextRefused } from '#platform';
import { BadCertificate, ServedCertificate, type TlsFiles } from '../../../api/src/http/served-certificate.js';
import { Renewal } from '../../../api/src/renewal.js';
import { startApi, type RunningApi } from '../../../api/src/start-api.js';
import { LocalTally } from '../../../api/src/tally/local-tally.js';
import { vitalsOf } from '../../../api/src/vitals.js';
import { TestAuthority, type Issued } from '../../../../libs/platform/src/testing/certificates.js';
import { runHere } from '../testing/run-here.js';

const BEARER = 'tally_a-bearer-for-this-test-and-no-other';
const log = createLog({ write: () => undefined });
const authority = TestAuthority.make();
let folder: string;
let files: TlsFiles;
let tally: LocalTally;
let api: RunningApi | undefined;

const at = (name: string): string => join(folder, name);
const write = ({ cert, key }: Issued): void => {
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
};
const serve = async (tls: ServedCertificate, host = '127.0.0.1'): Promise<RunningApi> =>
  (api = await startApi({ tally, vitals: vitalsOf(tally), bearer: BEARER, log, tls, host }));
/** Runs `tally status`, against a URL or by the data directory. */
const status = (env: Record<string, string> = {}, ...args: string[]) =>
  runHere(['status', '-o', 'json', ...args], { data: at('data'), env });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-tls-'));
  files = { cert: at('cert.pem'), key: at('key.pem') };
  writeFileSync(at('ca.pem'), authority.cert);
  write(authority.issue());
  tally = await LocalTally.open(at('data'), { access: 'write', purpose: 'test' });
});
afterEach(async () => {
  await api?.close(100);
  api = undefined;
  await tally.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the API off this machine', () => {
  it('is refused in plain text, before anything listens, unless somebody allowed it', async () => {
    const options = { tally, vitals: vitalsOf(tally), bearer: BEARER, log, host: '0.0.0.0' };
    await expect(startApi(options)).rejects.toBeInstanceOf(PlaintextRefused);
    api = await startApi({ ...options, plaintext: new Set(['api']) });
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    const up = (...args: string[]) => runHere(['up', ...args], { data: at('other') });
    for (const args of [
      ['--host', '0.0.0.0'],
      ['--host', '10.0.0.1', '--allow-plaintext', 'kafka'],
    ]) {
      const ran = await up(...args);
      expect(ran).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--allow-plaintext api') });
    }
    expect((await up('--allow-plaintext', 'apy')).code).toBe(2);
    expect((await up('--tls-cert', files.cert)).code).toBe(2);
    expect((await up('--tls-client-ca', at('ca.pem'))).code).toBe(2);
  });

  it('answers over TLS 1.2 and 1.3, and not over less', async () => {
    const { url } = await serve(ServedCertificate.read(files), '0.0.0.0');
    const port = Number(new URL(url).port);
    const handshake = async (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string | null> => {
      const limits = { minVersion: version, maxVersion: version };
      const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ciphers: 'DEFAULT@SECLEVEL=0', ...limits });
      await once(socket, 'secureConnect');
      socket.destroy();
      return socket.getProtocol();
    };
    await expect(handshake('TLSv1.3')).resolves.toBeDefined();
    await expect(handshake('TLSv1.2')).resolves.toBeDefined();
    await expect(handshake('TLSv1.1')).rejects.toMatchObject({ code: expect.stringMatching(/SSL|ECONNRESET/) });
  });
});

describe('commands', () => {
  it('of the same owner trust the certificate that was announced, whatever its names, and no other', async () => {
    write(authority.issue(['tally.example.com']));
    const tls = ServedCertificate.read(files);
    const { url } = await serve(tls);
    announceRunning(tally.stores.directory, url, BEARER, tls.leaf);
    expect(await status()).toMatchObject({ code: 0, stdout: expect.stringContaining('"ledgerId"') });
    // A certificate of the same authority for the same name is another one all the same.
    announceRunning(tally.stores.directory, url, BEARER, authority.issue(['tally.example.com']).cert);
    expect(await status()).toMatchObject({ code: 1, stderr: expect.stringContaining('not trusted') });
    announceRunning(tally.stores.directory, url, BEARER);
    expect(await status()).toMatchObject({ code: 1, stderr: expect.stringContaining('--ca FILE') });
  });

  it('from elsewhere trust the authority that they are given, under the name that is in the certificate', async () => {
    const { url } = await serve(ServedCertificate.read(files), '0.0.0.0');
    writeFileSync(at('bearer'), `${BEARER}\n`);
    const env = { TALLY_BEARER_FILE: at('bearer') };
    expect(await status(env, '--url', url, '--ca', at('ca.pem'))).toMatchObject({ code: 0 });
    expect(await status({ ...env, TALLY_URL: url, TALLY_CA: at('ca.pem'), TALLY_DATA: '' })).toMatchObject({ code: 0 });
    // Without the authority; with another one; under a name that is not in it; without a bearer.
    writeFileSync(at('other.pem'), TestAuthority.make().cert);
    const named = url.replace('127.0.0.1', '127.0.0.2');
    for (const args of [
      ['--url', url],
      ['--url', url, '--ca', at('other.pem')],
      ['--url', named, '--ca', at('ca.pem')],
    ]) {
      expect(await status(env, ...args)).toMatchObject({ code: 1, stderr: expect.stringContaining('is not trusted') });
    }
    expect(await status({}, '--url', url, '--ca', at('ca.pem'))).toMatchObject({ code: 2 });
    const plain = await status(env, '--url', 'http://tally.example.com');
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringContaining('plain text') });
  });

  it('show a certificate of their own where the API asks for one', async () => {
    const { url } = await serve(ServedCertificate.read({ ...files, clientCa: at('ca.pem') }));
    const env: Record<string, string> = { TALLY_BEARER: BEARER, TALLY_CA: at('ca.pem') };
    expect(await status(env, '--url', url)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TALLY_CLIENT_CERT'),
    });
    const use = ({ cert, key }: Issued): Record<string, string> => {
      writeFileSync(at('client.pem'), cert);
      writeFileSync(at('client-key.pem'), key);
      return { ...env, TALLY_CLIENT_CERT: at('client.pem'), TALLY_CLIENT_KEY: at('client-key.pem') };
    };
    expect(await status(use(authority.issue([], 'ada')), '--url', url)).toMatchObject({ code: 0 });
    expect((await status(use(TestAuthority.make().issue([], 'ada')), '--url', url)).code).toBe(1);
  });
});

describe('renewal', () => {
  const shown = async (url: string): Promise<string> => {
    const socket: TLSSocket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca: authority.cert });
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return raw.toString('base64');
  };

  it('serves the new certificate to new connections, and keeps the old one while the files do not fit', async () => {
    const tls = ServedCertificate.read(files);
    const { url } = await serve(tls);
    const said: string[] = [];
    const reload = (): boolean => tls.reload() && (api!.renewCertificate(), true);
    const renewal = new Renewal([{ what: 'the certificate', reload }], createLog({ write: (line) => said.push(line) }));
    const before = await shown(url);
    const next = authority.issue();
    // A certificate without its key, as in the middle of an exchange of two files; told once.
    writeFileSync(files.cert, next.cert);
    renewal.look();
    renewal.look();
    expect(await shown(url)).toBe(before);
    expect(said).toEqual([expect.stringContaining('TALLY_BAD_CERTIFICATE')]);
    writeFileSync(files.key, next.key);
    renewal.look();
    expect(await shown(url)).not.toBe(before);
    expect(said.at(-1)).toContain('the certificate was renewed');
    renewal.stop();
  });

  it('looks by itself', async () => {
    const tls = ServedCertificate.read(files);
    await serve(tls);
    write(authority.issue());
    const before = tls.leaf;
    let renewal: Renewal | undefined;
    await new Promise<void>((resolve) => {
      const reload = (): boolean => {
        const changed = tls.reload();
        if (changed) resolve();
        return changed;
      };
      renewal = new Renewal([{ what: 'it', reload }], log, 1);
    });
    renewal?.stop();
    expect(tls.leaf).not.toBe(before);
  });

  it('says what is wrong with a file, and nothing of a key', () => {
    const { cert, key } = authority.issue();
    const cases: [string, string, RegExp][] = [
      ['no certificate', key, /no certificate in PEM/],
      [cert, 'no key', /no private key in PEM/],
      [cert, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n', /passphrase/],
      [cert, authority.issue().key, /is not its key/],
    ];
    for (const [certText, keyText, why] of cases) {
      write({ cert: certText, key: keyText });
      expect(() => ServedCertificate.read(files)).toThrow(why);
    }
    rmSync(files.key);
    expect(() => ServedCertificate.read(files)).toThrow(BadCertificate);
  });
});
