import type { StatementSettings } from '../engine.js';

/** Sorting and grouping go to the disk beyond this: a check must not need the memory that the tables need together. */
export const BOUNDED: StatementSettings = {
  max_bytes_before_external_group_by: 268_435_456,
  max_bytes_before_external_sort: 268_435_456,
  max_block_size: 8192,
};
