import type { Name, PersonalBox } from '#lifecycle';

/** One event, ready to be appended: everything but its revision is settled. */
export interface PreparedEvent {
  id: string;
  stream: string;
  type: string;
  /** The stored JSON. */
  data: string;
  /** It joins names; a replay's first pass must see it. */
  links: boolean;
  /** Stated once per source, however many records show it (aliases): its own record key. */
  once?: string;
}

/** Why a record was refused; `deadLetter` is where it can be looked up. */
export interface Rejection {
  line: number;
  /** Place of the record in its line, from 1, where the line holds several. */
  record?: number;
  field: string;
  reason: string;
  deadLetter: string;
}

/** A refused record without anything secret or personal in clear (MODEL §9.3). */
export interface DeadLetter {
  /** Keyed digest of its bytes: the same bytes are one dead letter. */
  id: string;
  tenant: string;
  source: string;
  line: number;
  field: string;
  reason: string;
  /** Bytes of the record as it came. */
  length: number;
  redrivable: boolean;
  /** The token that the record names, if it could be told. */
  name?: Name;
  /** Names of recognised keys, where the record is not JSON. */
  keys: string[];
  /** The redacted record, sealed: only a redrive or a person who asks opens it. Absent where it is not JSON. */
  box?: PersonalBox;
  /**
   * An event whose stream was deleted for good in the store, as it would have been appended: `data` is the stored JSON,
   * redacted, its personal part sealed. Only where that is the reason.
   */
  event?: { id: string; stream: string; type: string; data: string };
  /** Where the record lies, if it came over Kafka; `line` is its offset then, too. */
  from?: { topic: string; partition: number; offset: string };
}

/** Key and digest of a record (MODEL §2.1); the key is another one where the source's id rests on names. */
export interface OlderIdentity {
  key: string;
  digest: string;
}

export type Prepared =
  | {
      kind: 'facts';
      line: number;
      source: string;
      key: string;
      digest: string;
      /** What the same record is under secrets that were rotated out and are still held. */
      older?: OlderIdentity[];
      high: number;
      /** Records that it stands for, where it is a summary of several (MODEL §2.5). */
      records?: number;
      events: PreparedEvent[];
    }
  | { kind: 'ignored'; line: number }
  /** A record that its range of input holds twice; nothing is left to be done with it. */
  | { kind: 'duplicate'; line: number; source: string }
  | { kind: 'rejected'; rejection: Rejection; letter: DeadLetter };

/** A record that states facts. */
export type Facts = Extract<Prepared, { kind: 'facts' }>;
