export { FindingsFollower, type FollowerParts, type Judged } from './findings-follower.js';
export { StoredFindings } from './stored-findings.js';
export * from './errors.js';
