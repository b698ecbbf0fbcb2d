import type { BrokerCalls } from '../partition-work.js';
import type { PartitionLoop } from '../partition-loop.js';
import type { FetchedBatch, KafkaRecord, OutgoingMessage } from '../record.js';

/** The group moved on; what kafkajs throws from heartbeats and commits then. */
export class Rebalancing extends Error {
  readonly retriable = true;
}

/** The broker was away for this call. */
export class Away extends Error {
  readonly retriable = true;
}

export interface GroupFaults {
  /** Whether this call fails. */
  fails(call: 'heartbeat' | 'commit' | 'produce'): boolean;
  /** Called when a member asks for a commit, whatever comes of it. */
  onCommit(partition: number, offset: bigint): void;
  /** Called before each fetch; may rebalance. */
  beforeFetch(): void;
}

export interface CommitSeen {
  member: string;
  partition: number;
  assignment: number;
  offset: bigint;
  /** The member knew that the group had moved on. */
  stale: boolean;
  /** Its answer came. */
  accepted: boolean;
}

export interface Life {
  /** False once it was killed: then its calls go nowhere. */
  isAlive: () => boolean;
  /** Whether there is nothing left to do. */
  isOver: () => boolean;
  /** Between a failure, or a fetch of nothing, and the next fetch. */
  pause: () => Promise<void>;
  /** Records fetched of a partition at most. */
  batch: () => number;
}

/** What a member holds while a generation of the group lasts. */
interface Membership {
  resolved: Map<number, bigint>;
  paused: Set<number>;
  knows: { moved: boolean };
  isAlive: () => boolean;
}

/** Partitions, a consumer group and its members in memory, with the rules of Kafka that the loop rests on. */
export class ModelGroup {
  readonly committed: bigint[];
  readonly commits: CommitSeen[] = [];
  readonly produced = new Map<string, OutgoingMessage[]>();
  generation = 0;
  private owners: (string | undefined)[];

  constructor(
    readonly partitions: readonly (readonly KafkaRecord[])[],
    private readonly faults: GroupFaults,
  ) {
    this.committed = partitions.map(() => 0n);
    this.owners = partitions.map(() => undefined);
  }

  end(partition: number): bigint {
    return (this.partitions[partition]!.at(-1)?.offset ?? -1n) + 1n;
  }

  isDone(): boolean {
    return this.partitions.every((_, partition) => this.committed[partition]! >= this.end(partition));
  }

  /** Shares the partitions out anew; members learn of it at their next heartbeat or commit. */
  rebalance(members: readonly string[], random: () => number): void {
    this.generation++;
    this.owners = this.partitions.map(() => members[Math.floor(random() * members.length)]);
  }

  /**
   * A member's life as a client library leads it: joins, fetches each partition of its own from where it resolved to,
   * hands the batches out at the same time, joins again when the group moves on, and tries again what may pass.
   */
  async live<P>(name: string, loop: PartitionLoop<P>, { isAlive, isOver, pause, batch }: Life): Promise<void> {
    const goesOn = (): boolean => isAlive() && !isOver();
    while (goesOn()) {
      const generation = this.generation;
      const resolved = new Map<number, bigint>();
      const paused = new Set<number>();
      const knows = { moved: false };
      loop.assigned();
      while (goesOn() && generation === this.generation) {
        this.faults.beforeFetch();
        const fetched = this.partitions.flatMap((_, partition): FetchedBatch[] => {
          if (this.owners[partition] !== name || paused.has(partition)) return [];
          const from = resolved.get(partition) ?? this.committed[partition]!;
          const records = this.partitions[partition]!.filter(({ offset }) => offset >= from).slice(0, batch());
          if (records.length === 0) return [];
          const highWatermark = this.end(partition);
          return [{ topic: 't', partition, records, lastOffset: records.at(-1)!.offset, highWatermark }];
        });
        loop.fetched();
        const ran = await Promise.allSettled(
          fetched.map((each) =>
            loop.run(each, this.calls(name, generation, each.partition, { resolved, paused, knows, isAlive })),
          ),
        );
        const failures = ran.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
        for (const failure of failures) {
          if (!('retriable' in failure) || failure.retriable !== true) throw failure;
        }
        if (failures.length > 0 || fetched.length === 0) await pause();
        if (failures.some((failure) => failure instanceof Rebalancing)) break;
      }
    }
  }

  private calls(
    member: string,
    generation: number,
    partition: number,
    { resolved, paused, knows, isAlive }: Membership,
  ): BrokerCalls {
    const ours = (): void => {
      if (generation === this.generation) return;
      knows.moved = true;
      throw new Rebalancing();
    };
    /** A call of a process that was killed goes nowhere, and no answer comes. */
    const reach = async (call: 'heartbeat' | 'commit' | 'produce'): Promise<void> => {
      if (!isAlive()) await new Promise(() => undefined);
      if (this.faults.fails(call)) throw new Away(call);
    };
    return {
      resolve: (offset) => void resolved.set(partition, offset + 1n),
      commit: async (offset) => {
        const seen = { member, partition, assignment: generation, offset, stale: knows.moved, accepted: false };
        this.commits.push(seen);
        this.faults.onCommit(partition, offset);
        await reach('commit');
        ours();
        this.committed[partition] = offset;
        // The answer may be lost though the commit counts.
        await reach('commit');
        seen.accepted = true;
      },
      heartbeat: async () => {
        await reach('heartbeat');
        ours();
      },
      pause: () => void paused.add(partition),
      resume: () => void paused.delete(partition),
      produce: async (topic, messages) => {
        await reach('produce');
        this.produced.set(topic, [...(this.produced.get(topic) ?? []), ...messages]);
      },
      // As with a real client: nobody knows before a call has failed.
      isStale: () => knows.moved,
    };
  }
}
