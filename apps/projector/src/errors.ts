import { TallyError } from '#platform';

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
