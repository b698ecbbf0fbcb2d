import { TallyError, type ErrorDetails } from '#platform';

/** A topic cannot be read as it was asked for. It rests until that is mended; nothing of it is committed. */
export class UnreadableTopic extends TallyError {
  readonly code = 'TALLY_UNREADABLE_TOPIC';
  constructor(topic: string, why: string) {
    super(`the topic ${topic} cannot be read: ${why}`, {
      facts: { topic },
      retry: true,
      remedy: 'Declare the source with `tally settings declare`, or name another one with --topic TOPIC=SOURCE.',
    });
  }
}

/** Records of a partition could be read in part only (a full disk, keys that cannot be made). */
export class ReadingBroken extends TallyError {
  readonly code = 'TALLY_READING_BROKEN';
  constructor(topic: string, partition: number, cause: unknown) {
    super(`reading ${topic}/${partition} broke off`, {
      facts: { topic, partition },
      remedy: 'See the cause; the partition is read again from its committed offset at the next start.',
      cause,
    });
  }
}

/** What failed in a thread that reads partitions, with the code that it had there. */
export class ReadingThreadFailed extends TallyError {
  readonly code: TallyError['code'];
  constructor({
    code,
    message,
    ...details
  }: Omit<ErrorDetails, 'cause'> & { code: TallyError['code']; message: string }) {
    super(message, details);
    this.code = code;
  }
}

/** A letter of the dead-letter topic that no intake of ours wrote. */
export class ForeignLetter extends TallyError {
  readonly code = 'TALLY_FOREIGN_LETTER';
  constructor(topic: string, partition: number, offset: bigint, field: string) {
    super(`the record at ${topic}/${partition}/${offset} is no dead letter: ${field} is wrong or missing`, {
      facts: { topic, partition, offset: String(offset), field },
      remedy: 'See who else may write to this topic; only projectors should.',
    });
  }
}

/** A projector was started without anything that it could do. */
export class NothingToDo extends TallyError {
  readonly code = 'TALLY_NOTHING_TO_DO';
  constructor(why: string) {
    super(`this projector has nothing to do: ${why}`, {
      remedy: 'Name roles with --roles intake,analytics,findings, and brokers with --kafka for the first.',
    });
  }
}

/** Topics that were to be read are not there. */
export class MissingTopics extends TallyError {
  readonly code = 'TALLY_MISSING_TOPICS';
  constructor(topics: readonly string[]) {
    super(`there is no topic ${topics.join(', ')}`, {
      facts: { topics: topics.join(', ') },
      retry: true,
      remedy:
        "Make the product's own with `tally topics create`, and raw ones as your cluster does; nothing is read before.",
    });
  }
}
