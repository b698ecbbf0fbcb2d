export * from './minute-intake.js';
export { RangeFold, REFUSALS_KEPT, type Summary, type Taken } from './range-fold.js';
export { membersDigest } from './summary-event.js';
export * from './errors.js';
