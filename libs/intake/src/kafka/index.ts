export * from './record.js';
export * from './partition-work.js';
export * from './partition-loop.js';
export * from './errors.js';
export type { PartitionVitals } from './partition-progress.js';
