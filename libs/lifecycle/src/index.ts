export * from './names.js';
export * from './time.js';
export * from './expiry.js';
export * from './settings.js';
export * from './contract.js';
export * from './observations.js';
export * from './view.js';
