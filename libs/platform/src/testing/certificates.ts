import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its private key, both PEM. */
export interface Issued {
  cert: string;
  key: string;
}

/** A certification authority that lives as long as a test: no key of it is ever written into the repository. */
export class TestAuthority {
  private constructor(
    private readonly name: string,
    private readonly keys: { publicKey: KeyObject; privateKey: KeyObject },
    /** PEM. */
    readonly cert: string,
  ) {}

  static make(name = 'tally test authority'): TestAuthority {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const basicConstraints = extension(OID.basicConstraints, true, tlv(SEQUENCE, tlv(BOOLEAN, Buffer.from([0xff]))));
    const cert = certificate(
      { subject: name, issuer: name, spki: keys.publicKey },
      [basicConstraints],
      keys.privateKey,
    );
    return new TestAuthority(name, keys, cert);
  }

  /** A certificate for hosts (names or IPv4 and IPv6 loopback addresses), for servers and clients alike. */
  issue(hosts: readonly string[] = ['localhost', '127.0.0.1'], subject = hosts[0] ?? 'client'): Issued {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = hosts.map((host) =>
      isIP(host) === 0 ? tlv(0x82, Buffer.from(host, 'latin1')) : tlv(0x87, addressBytes(host)),
    );
    const extensions = names.length === 0 ? [] : [extension(OID.subjectAltName, false, tlv(SEQUENCE, ...names))];
    const cert = certificate({ subject, issuer: this.name, spki: publicKey }, extensions, this.keys.privateKey);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }
}

const [BOOLEAN, INTEGER, BITS, OCTETS, OBJECT, UTF8, UTC, SEQUENCE, SET] = [1, 2, 3, 4, 6, 12, 23, 0x30, 0x31];
const OID = {
  ecdsaWithSha256: Buffer.from('2a8648ce3d040302', 'hex'),
  commonName: Buffer.from('550403', 'hex'),
  basicConstraints: Buffer.from('551d13', 'hex'),
  subjectAltName: Buffer.from('551d11', 'hex'),
};

/** One DER value: tag, length, content. */
function tlv(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

function extension(oid: Buffer, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(BOOLEAN, Buffer.from([0xff]))] : [];
  return tlv(SEQUENCE, tlv(OBJECT, oid), ...flag, tlv(OCTETS, value));
}

function certificate(
  about: { subject: string; issuer: string; spki: KeyObject },
  extensions: Buffer[],
  signer: KeyObject,
): string {
  const algorithm = tlv(SEQUENCE, tlv(OBJECT, OID.ecdsaWithSha256));
  const named = (text: string): Buffer =>
    tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OBJECT, OID.commonName), tlv(UTF8, Buffer.from(text)))));
  const body = tlv(
    SEQUENCE,
    tlv(0xa0, tlv(INTEGER, Buffer.from([2]))),
    tlv(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    named(about.issuer),
    // For all of the two-digit years: a test must not fail on a date.
    tlv(SEQUENCE, tlv(UTC, Buffer.from('000101000000Z')), tlv(UTC, Buffer.from('491231235959Z'))),
    named(about.subject),
    about.spki.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [tlv(0xa3, tlv(SEQUENCE, ...extensions))]),
  );
  const signature = tlv(BITS, Buffer.from([0]), sign('sha256', body, signer));
  const base64 = tlv(SEQUENCE, body, algorithm, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function addressBytes(host: string): Buffer {
  if (host === '::1') return Buffer.from('00000000000000000000000000000001', 'hex');
  return Buffer.from(host.split('.').map(Number));
}
