import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './jars.mjs';

/**
 * A certificate authority of one run, a server certificate for this machine and a client's. Keys lie in `folder`, which
 * only its owner reads, and are worth nothing elsewhere.
 */
export async function makeTlsKeys(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name) => join(folder, name);
  const openssl = (...args) => runTool('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  const ca = ['-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=tallystick test authority'];
  await openssl('req', '-x509', ...newKey, '-days', '30', ...authority, ...ca);
  for (const [name, subject, extension] of [
    ['server', '/CN=localhost', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ['client', '/CN=tallystick', 'extendedKeyUsage=clientAuth'],
  ]) {
    writeFileSync(at(`${name}.ext`), `${extension}\n`);
    await openssl('req', ...newKey, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', subject);
    const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '30'];
    const files = ['-in', at(`${name}.csr`), '-out', at(`${name}.pem`), '-extfile', at(`${name}.ext`)];
    await openssl('x509', '-req', ...signing, ...files);
  }
  // Kafka reads a key store in PEM as one file: the key in PKCS #8, then its certificates.
  const store = at('server-store.pem');
  writeFileSync(store, ['server.key', 'server.pem', 'ca.pem'].map((name) => readFileSync(at(name), 'utf8')).join(''));
  for (const name of ['ca.key', 'server.key', 'client.key', 'server-store.pem']) chmodSync(at(name), 0o600);
  return { ca: at('ca.pem'), serverStore: store, clientCert: at('client.pem'), clientKey: at('client.key') };
}
