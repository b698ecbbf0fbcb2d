export * from './errors.js';
export * from './bearer.js';
export * from './bearer-file.js';
export * from './personal-box.js';
export * from './naming-secret-store.js';
export * from './subject-keys.js';
