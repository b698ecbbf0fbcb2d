export { generateTraffic, DEFAULT_START, type Traffic, type TrafficOptions } from './traffic.js';
export { generateBenchLines, type BenchOptions } from './bench.js';
export { demoTraffic } from './demo.js';
export { TRAFFIC_SETTINGS, CONTRACTS, OLD_KID } from './cast.js';
export { FAULT_NAMES, type FaultName } from './faults.js';
export type { TrafficLine } from './stage.js';
export * from './truth.js';
