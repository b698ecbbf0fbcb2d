import { TallyError } from '#platform';

export class CannotListen extends TallyError {
  readonly code = 'TALLY_LEDGER_CANNOT_LISTEN';
  constructor(address: string, cause: unknown) {
    super(`The ledger endpoint cannot listen on ${address}.`, {
      facts: { address },
      remedy: 'Give another --port, or none and the system chooses; the certificate and key must belong together.',
      cause,
    });
  }
}

export class UnreadableCertificate extends TallyError {
  readonly code = 'TALLY_CERTIFICATE_UNREADABLE';
  constructor(file: string, cause: unknown) {
    super(`The certificate or key ${file} cannot be read.`, {
      facts: { file },
      remedy: 'Give PEM files that this user may read: --tls-cert FILE --tls-key FILE.',
      cause,
    });
  }
}

/** It would be reached from elsewhere in plain text, and nobody said that it may. */
export class EndpointInPlaintext extends TallyError {
  readonly code = 'TALLY_LEDGER_PLAINTEXT';
  constructor(host: string) {
    super(`The ledger endpoint would answer in plain text on ${host}, which is not this machine alone.`, {
      facts: { host },
      remedy:
        'Give a certificate and its key: --tls-cert FILE --tls-key FILE. Where something else encrypts it, say so: --allow-plaintext eventstore.',
    });
  }
}
