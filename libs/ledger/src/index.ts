export * from './port.js';
export * from './errors.js';
export { EmbeddedLedger, type OpenEmbeddedLedger } from './embedded/store.js';
export { LedgerScan, type RawRow, type ScanAll, type ScanStreams, type StreamRows } from './embedded/scan.js';
export { RecentMap } from './recent-map.js';
