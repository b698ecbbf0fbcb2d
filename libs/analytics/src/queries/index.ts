export * from './errors.js';
export * from './catalog.js';
export type { ChartHint, NamedQuery, QueryParam } from './front-matter.js';
export * from './authority.js';
export * from './rows.js';
export * from './reader.js';
export * from './run-query.js';
export { SqlDesk, type SqlAnswer } from './run-sql.js';
