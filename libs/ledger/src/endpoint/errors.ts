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
