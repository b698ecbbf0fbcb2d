import { TallyError } from '#platform';

/** No bearer, or not the one of this process. */
export class Unauthorised extends TallyError {
  readonly code = 'TALLY_UNAUTHORISED';
  constructor() {
    super('This needs the bearer token of the running tally.', {
      remedy: 'Send `Authorization: Bearer TOKEN`, with the token that `tally up` printed when it started.',
    });
  }
}

/** As many inputs are being taken in, and waiting for it, as memory is meant for. */
export class TooBusy extends TallyError {
  readonly code = 'TALLY_TOO_BUSY';
  constructor(waiting: number) {
    super(`${waiting} inputs are waiting already.`, {
      facts: { waiting },
      retry: true,
      remedy: 'Send it again after the seconds that Retry-After names; nothing of it was taken in.',
    });
  }
}

/** A sender that was silent on a place that others waited for. */
export class InputIdle extends TallyError {
  readonly code = 'TALLY_INPUT_IDLE';
  constructor(idleMs: number) {
    super(`Nothing was sent for ${idleMs / 1000} s while others waited to send.`, {
      facts: { idleMs },
      retry: true,
      remedy: 'Whole batches that were sent are in the ledger. Send it again: nothing is taken in twice.',
    });
  }
}

export class UnknownEncoding extends TallyError {
  readonly code = 'TALLY_UNKNOWN_ENCODING';
  constructor(encoding: string) {
    super(`The body is encoded as ${JSON.stringify(encoding.slice(0, 40))}.`, {
      facts: { encoding: encoding.slice(0, 40) },
      remedy: 'Send it as it is, or with Content-Encoding: gzip.',
    });
  }
}

export class BodyTooLong extends TallyError {
  readonly code = 'TALLY_BODY_TOO_LONG';
  constructor(limit: number) {
    super(`The body is longer than ${limit} bytes.`, {
      facts: { limit },
      remedy: 'Records go to POST /v1/events, which takes bodies of any size.',
    });
  }
}

/** The address and port that were asked for cannot be had. */
export class CannotListen extends TallyError {
  readonly code = 'TALLY_CANNOT_LISTEN';
  constructor(host: string, port: number, why: string, cause: unknown) {
    super(`Cannot listen on ${host}, port ${port}: ${why}.`, {
      facts: { host, port },
      remedy: 'Name another with --port, or leave it out: the system then chooses one that is free.',
      cause,
    });
  }
}
