export * from './engine.js';
export * from './errors.js';
export * from './migrate.js';
export * from './writer/journal.js';
export { AnalyticsWriter, type CatchUp, type Progress } from './writer/follower.js';
export { BATCH_EVENTS, CHUNK, type Bounds } from './writer/batch.js';
export * from './analytics.js';
export * from './findings/index.js';
export * from './queries/index.js';
