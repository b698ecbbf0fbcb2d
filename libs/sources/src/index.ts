export * from './adapter.js';
export * from './redact.js';
export { MARK, redactText } from './credential-shapes.js';
export * from './lines.js';
export * from './net.js';
