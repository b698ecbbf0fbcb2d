// Before a spec that is run once more: its engine is a server. See `testing-server/for-specs.ts`.
process.env['TALLY_SPEC_OVER_HTTP'] = '1';
