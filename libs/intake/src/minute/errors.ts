import { TallyError } from '#platform';

/** A record came whose offset was passed: reading began again, and what is folded belongs to the earlier reading. */
export class InputOutOfOrder extends TallyError {
  readonly code = 'TALLY_INPUT_OUT_OF_ORDER';
  constructor({ topic, partition }: { topic: string; partition: number }, offset: bigint, next: bigint) {
    super(`offset ${offset} of ${topic}/${partition} came where ${next} or later was due`, {
      facts: { topic, partition, offset: String(offset), next: String(next) },
      retry: true,
      remedy: 'Read the partition again from its committed offset with a new intake; nothing is taken in twice.',
    });
  }
}
