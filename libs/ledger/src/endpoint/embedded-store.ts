/** What the services further down use of the store. */
export { foreignContent, type StoredEvent, TOMBSTONE } from '../embedded/stored-event.js';
export type { StoreAppend, StreamChange } from '../embedded/stream-change.js';
export { metadataStreamOf } from '../embedded/stream-metadata.js';
