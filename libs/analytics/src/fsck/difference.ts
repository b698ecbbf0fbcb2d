/** Where ClickHouse does not say what the ledger says. */
export interface Difference {
  table: string;
  /** Positions, both inclusive: the batch, or the gap, in which it is. */
  start: number;
  end: number;
  what: 'missing' | 'unknown' | 'differs' | 'ahead' | 'unreadable';
  /** Of how many rows that is so. */
  rows: number;
  /** For people: the first of them. */
  detail: string;
  /**
   * `range`: delete these positions and write them again; `names`: that of these tokens; `table`: make all of it again
   * from the facts; `chunk`: roll it up again.
   */
  repair: 'range' | 'names' | 'table' | 'chunk' | 'rebuild';
  /** Names for the repair of that kind. */
  names?: string[];
}

/** Rows of one kind that are told one by one. */
export const TOLD = 5;
