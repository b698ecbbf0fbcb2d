import type { Measurements } from './measurements.js';

export interface SubscriberDetails {
  username: string;
  connectionName: string;
  /** Its address. */
  from: string;
  /** How many messages it may hold unacknowledged. */
  slots: number;
  /** Kept where the group has extra statistics on. */
  measurements?: Measurements;
}

/** One connection to a group. */
export class Subscriber {
  readonly username: string;
  readonly connectionName: string;
  readonly from: string;
  readonly slots: number;
  readonly measurements: Measurements | undefined;
  /** What it holds unacknowledged. */
  readonly inFlight = new Set<string>();
  total = 0;
  /** Of `total`, what the last look at the statistics had counted. */
  counted = 0;

  constructor({ username, connectionName, from, slots, measurements }: SubscriberDetails) {
    this.username = username;
    this.connectionName = connectionName;
    this.from = from;
    this.slots = slots;
    this.measurements = measurements;
  }

  get free(): number {
    return this.slots - this.inFlight.size;
  }

  take(id: string, now: number): void {
    this.inFlight.add(id);
    this.total += 1;
    this.measurements?.started(id, now);
  }

  release(id: string, now: number): void {
    this.inFlight.delete(id);
    this.measurements?.ended(id, now);
  }
}
