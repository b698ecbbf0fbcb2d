export { ClickHouseServer, type ServerOptions } from './server.js';
export type { Fault } from './faults.js';
export type { User } from './users.js';
export { engineForSpec, SpecServer } from './for-specs.js';
