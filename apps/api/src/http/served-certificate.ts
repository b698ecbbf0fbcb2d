import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { readIfThere, TallyError } from '#platform';

/** PEM files: a certificate with its chain, its private key, and who must have signed those of clients. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Given: only clients with a certificate of these authorities are answered. */
  clientCa?: string;
}

export class BadCertificate extends TallyError {
  readonly code = 'TALLY_BAD_CERTIFICATE';
  constructor(file: string, why: string) {
    super(`${file} cannot be served: ${why}.`, {
      facts: { file },
      remedy:
        'Give PEM files that belong together: the certificate with its chain first, and its key without passphrase.',
    });
  }
}

/** The certificate under which the API answers; read again when its files change, so that it is renewed in place. */
export class ServedCertificate {
  private constructor(
    private readonly files: TlsFiles,
    private current: { digest: string; leaf: string; options: SecureContextOptions },
  ) {}

  /** @throws BadCertificate, NotWritable and the other errors of files */
  static read(files: TlsFiles): ServedCertificate {
    return new ServedCertificate(files, readAll(files));
  }

  /** For `https.createServer` and `setSecureContext`. */
  get options(): SecureContextOptions & { requestCert?: true; rejectUnauthorized?: true } {
    const asksClients = this.files.clientCa !== undefined;
    return { ...this.current.options, ...(asksClients && { requestCert: true, rejectUnauthorized: true }) };
  }

  /** The certificate itself, without its chain, in PEM. */
  get leaf(): string {
    return this.current.leaf;
  }

  /** Reads the files again; true if they changed. @throws as `read`, and then nothing is changed */
  reload(): boolean {
    const next = readAll(this.files);
    if (next.digest === this.current.digest) return false;
    this.current = next;
    return true;
  }
}

function readAll({ cert, key, clientCa }: TlsFiles): { digest: string; leaf: string; options: SecureContextOptions } {
  const [certText, keyText] = [readText(cert), readText(key)];
  const options: SecureContextOptions = { cert: certText, key: keyText, minVersion: 'TLSv1.2' };
  if (clientCa !== undefined) options.ca = readText(clientCa);
  const leaf = certificateIn(cert, certText);
  if (!leaf.checkPrivateKey(privateKeyIn(key, keyText))) throw new BadCertificate(cert, `${key} is not its key`);
  if (clientCa !== undefined) certificateIn(clientCa, String(options.ca));
  try {
    createSecureContext(options);
  } catch {
    throw new BadCertificate(cert, 'its chain or the authorities of clients cannot be read');
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([certText, keyText, options.ca]))
    .digest('hex');
  return { digest, leaf: leaf.toString(), options };
}

function readText(file: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new BadCertificate(file, 'there is no such file');
  return text;
}

function certificateIn(file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new BadCertificate(file, 'it holds no certificate in PEM');
  }
}

/** What the parser says of a key is not repeated: it may quote it. */
function privateKeyIn(file: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new BadCertificate(
      file,
      text.includes('ENCRYPTED') ? 'it wants a passphrase' : 'it holds no private key in PEM',
    );
  }
}
