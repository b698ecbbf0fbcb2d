import { TallyError } from '#platform';

/** Work on a partition failed in a way that trying again does not help; nothing of it was committed. */
export class PartitionWorkFailed extends TallyError {
  readonly code = 'TALLY_PARTITION_WORK_FAILED';
  /** kafkajs asks for this: the consumer ends and does not start again by itself. */
  readonly retriable = false;
  constructor(topic: string, partition: number, offset: bigint, cause: unknown) {
    super(`the records of ${topic}/${partition} from offset ${offset} could not be taken in`, {
      facts: { topic, partition, offset: String(offset) },
      remedy: 'See the cause; after it is mended, start again: the same records come again, and nothing is lost.',
      cause,
    });
  }
}

/** A stop with a deadline, and work that did not end before it; it is done again by whoever takes over. */
export class StopDeadlinePassed extends TallyError {
  readonly code = 'TALLY_STOP_DEADLINE_PASSED';
  readonly retriable = false;
  constructor(topic: string, partition: number) {
    super(`work on ${topic}/${partition} did not end within the deadline of the stop; its offset is not committed`, {
      facts: { topic, partition },
      retry: true,
      remedy: 'Nothing to do: its records come again at the next start.',
    });
  }
}

/** Work answered for more or fewer records than it was given: a fault of the program. */
export class ResultsMiscounted extends TallyError {
  readonly code = 'TALLY_RESULTS_MISCOUNTED';
  constructor(given: number, answered: number) {
    super(`work was given ${given} records and answered for ${answered}`, {
      facts: { given, answered },
      remedy: 'Please report this: it is a fault of Tallystick.',
    });
  }
}

/** What says how to reach Kafka cannot be used. */
export class BadKafkaConnection extends TallyError {
  readonly code = 'TALLY_BAD_KAFKA_CONNECTION';
  constructor(setting: string, reason: string, cause?: unknown) {
    super(`the Kafka connection is not usable: ${setting} ${reason}`, {
      facts: { setting },
      remedy: 'docs/kafka.md lists the settings of a connection.',
      cause,
    });
  }
}

/** Messages did not reach all in-sync replicas; they may be there all the same, and are sent again. */
export class NotProduced extends TallyError {
  readonly code = 'TALLY_NOT_PRODUCED';
  constructor(topic: string, messages: number, retry: boolean, cause: unknown) {
    super(`${messages} messages could not be written to ${topic}`, {
      facts: { topic, messages },
      retry,
      remedy: `Look whether ${topic} exists and may be written by this user: tally topics check.`,
      cause,
    });
  }
}

/** The consumer ended by itself and does not start again. */
export class KafkaConsumerEnded extends TallyError {
  readonly code = 'TALLY_KAFKA_CONSUMER_ENDED';
  constructor(group: string, cause: unknown) {
    super(`the consumer of group ${group} ended${becauseOf(cause)}`, {
      facts: { group },
      remedy: 'See the cause, then start the process again: it goes on where the group had come to.',
      cause,
    });
  }
}

/** No broker answered in time. */
export class KafkaUnreachable extends TallyError {
  readonly code = 'TALLY_KAFKA_UNREACHABLE';
  constructor(brokers: readonly string[], cause: unknown) {
    super(`no broker of ${brokers.join(', ')} answered`, {
      facts: { brokers: brokers.join(',') },
      retry: true,
      remedy: 'Look whether the brokers run, and whether this is their listener: plain or TLS, with or without SASL.',
      cause,
    });
  }
}

/** The broker knows the user, the password or the certificate not. */
export class KafkaLoginRefused extends TallyError {
  readonly code = 'TALLY_KAFKA_LOGIN_REFUSED';
  constructor(brokers: readonly string[], cause: unknown) {
    super(`the broker at ${brokers.join(', ')} refused the login`, {
      facts: { brokers: brokers.join(',') },
      remedy: 'Look at TALLY_KAFKA_SASL, TALLY_KAFKA_USER and the password: docs/kafka.md.',
      cause,
    });
  }
}

/** The cluster answered, and refused what was asked of it. */
export class KafkaRefused extends TallyError {
  readonly code = 'TALLY_KAFKA_REFUSED';
  constructor(what: string, words: readonly string[], cause: unknown) {
    super(`the Kafka cluster refused ${what}: ${words.join(', ')}`, {
      facts: { reason: words.join(',') },
      remedy: 'Look at the ACLs of this user, and whether the cluster has as many brokers as replicas were asked for.',
      cause,
    });
  }
}

/** What our own errors along the causes say; others may hold input. */
function becauseOf(cause: unknown): string {
  const said: string[] = [];
  for (let each = cause; each instanceof Error; each = each.cause) {
    if (each instanceof TallyError) said.push(`${each.message} (${each.code})`);
    else if (said.length === 0) said.push(each.name);
  }
  return said.map((each) => `: ${each}`).join('');
}
