import { TallyError } from '../shared.js';

/** An option of `createEmitter` or `createVerifier` that cannot be meant. Raised when they are made, never later. */
export class BadOption extends TallyError {
  readonly code = 'TALLY_SDK_BAD_OPTION';
  constructor(option: string, reason: string, remedy: string) {
    super(`${option} ${reason}.`, { facts: { option }, remedy });
  }
}

/** Events would leave this machine unencrypted, and nobody said that they may. */
export class PlaintextEndpoint extends TallyError {
  readonly code = 'TALLY_SDK_PLAINTEXT_REFUSED';
  constructor(host: string) {
    super(`The connection to ${host} would be in plain text, and ${host} is not this machine.`, {
      facts: { host },
      remedy:
        'Use https, or `kafka: { ssl: true }`. Where something else encrypts it (a mesh, a tunnel), say so: allowPlaintext: true.',
    });
  }
}

/** Brokers were given, and the package that speaks to them is not installed. */
export class KafkaClientMissing extends TallyError {
  readonly code = 'TALLY_SDK_KAFKA_CLIENT_MISSING';
  constructor(cause: unknown) {
    super('Brokers are given, and the package kafkajs is not installed.', {
      remedy: 'npm install kafkajs@2, or give a url instead of brokers.',
      cause,
    });
  }
}

/** A batch whose signature does not fit its bytes, or is by nobody who is trusted. */
export class BadBatchSignature extends TallyError {
  readonly code = 'TALLY_SDK_BAD_BATCH_SIGNATURE';
  constructor(why: string) {
    super(`The batch is not what its sender signed: ${why}.`, {
      facts: { why },
      remedy: 'Take nothing of it. Check the key of the sender, and that no proxy rewrites bodies.',
    });
  }
}
