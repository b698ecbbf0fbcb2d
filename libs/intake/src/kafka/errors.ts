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
