export * from './port.js';
export * from './errors.js';
export { EmbeddedLedger, type OpenEmbeddedLedger } from './embedded/store.js';
export { LedgerScan, type RawRow, type ScanAll, type ScanStreams, type StreamRows } from './embedded/scan.js';
export { isReplayed, LedgerHistory } from './replay/ledger-history.js';
export { factOfRow } from './replay/repeated-facts.js';
export { headOf, Sightings, type Sighting } from './replay/sightings.js';
