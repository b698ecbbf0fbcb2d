export * from './adapter.js';
export * from './redact.js';
export { MARK, redactText } from './credential-shapes.js';
export * from './lines.js';
export * from './net.js';
export * from './alias.js';
export * from './detect.js';
export * from './registry.js';
export * from './generate/index.js';
