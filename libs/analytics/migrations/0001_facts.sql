-- Every event of the ledger that is a fact, once. Written by the writer alone; all other tables but `attributes`,
-- `family_labels`, `speakers`, `intervals` and `batches` are filled from it by the views of the next migrations.
-- Times are Int64 milliseconds since 1970 (a claimed time may be anything); names are UUIDs (128 bits), the zero UUID
-- stands for none. ClickHouse orders UUIDs by their second half: where names must lie in the order of their digits, the
-- key is toUInt128(name). Partitions follow the month recorded, never a claimed time.
-- Rows are keyed by the ledger position, so that a batch that comes twice is one.
CREATE TABLE {db}.facts (
    tenant LowCardinality(String),
    -- What its stream is named after; zero where that is no name (a component, a source): then `subject` says it.
    name UUID,
    subject LowCardinality(String),
    position UInt64 CODEC(Delta, ZSTD(1)),
    -- First position of the batch that it was written in.
    batch UInt64 CODEC(Delta, ZSTD(1)),
    recorded_month UInt32,
    -- `token.validated`; the full type where it is not one that this version knows.
    kind LowCardinality(String),
    -- effectiveAt.
    time Int64 CODEC(Delta, ZSTD(1)),
    recorded_at Int64 CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    version LowCardinality(String),
    gateway LowCardinality(String),
    region LowCardinality(String),
    api LowCardinality(String),
    issuer LowCardinality(String),
    -- Who says what of whom: see `speakers`. Authority is computed from it when reading.
    speaker UInt64,
    -- accepted, refused, observed; empty for facts that are no use.
    outcome LowCardinality(String),
    reason LowCardinality(String),
    class LowCardinality(String),
    status UInt16,
    token_kind LowCardinality(String),
    jti UUID, tok UUID, cred UUID, con UUID, fam UUID, sub UUID, cli UUID, kid UUID, ses UUID, net UUID,
    agent LowCardinality(String),
    country LowCardinality(String),
    -- How many uses it stands for, from first to last (a summary has several); 0 for facts that are no use.
    uses UInt32,
    first_at Int64 CODEC(Delta, ZSTD(1)),
    last_at Int64 CODEC(Delta, ZSTD(1)),
    -- at, never, unknown, implausible; empty where it states no expiry, or calls it unverified.
    exp_kind LowCardinality(String),
    exp_at Int64,
    exp_suspect UInt8,
    cause LowCardinality(String),
    scope LowCardinality(String),
    successor UUID,
    unconfirmed UInt8,
    shadow UInt8,
    -- Another variant of the same record was there before (MODEL §2.2).
    conflict UInt8,
    record_key UUID,
    record_digest UUID,
    ordinal UInt16,
    -- Facts of a stream with one shape differ in time and record alone: a hash of everything else.
    shape UInt64,
    -- The fact's data, JSON.
    data String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY recorded_month
ORDER BY (tenant, toUInt128(name), position)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 4096;

-- Facts that are not about one token: settings, families, subjects, fences, keys, deployments, sources.
CREATE TABLE {db}.world_facts AS {db}.facts
ENGINE = ReplacingMergeTree
PARTITION BY recorded_month
ORDER BY (tenant, position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.world_facts_of_facts TO {db}.world_facts AS
SELECT * FROM {db}.facts WHERE NOT startsWith(kind, 'token.');

-- (source, kind of fact, issuer): what an authority is decided by. `issuer_known` is 0 where the fact names no issuer;
-- `by_jti` is 1 where it then names its token by jti.
CREATE TABLE {db}.speakers (
    tenant LowCardinality(String),
    speaker UInt64,
    source String,
    kind LowCardinality(String),
    issuer String,
    issuer_known UInt8,
    by_jti UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, speaker)
SETTINGS non_replicated_deduplication_window = 1000;

-- One row for each batch that is in every table: what the ledger says of it, and how far the writer has come.
CREATE TABLE {db}.batches (
    start UInt64,
    end UInt64,
    events UInt32,
    facts UInt32,
    -- Sum over the facts of the first 64 bits of their record keys, modulo 2^64: what fsck compares.
    digest UInt64,
    -- Latest recordedAt in it.
    recorded_at Int64,
    written_at Int64,
    -- A hash of its last event: a ledger with another one there is not the one that these facts came from.
    tail UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY start
SETTINGS non_replicated_deduplication_window = 1000;

-- Whose facts these are: the ledger's id, and the journal's that the bounds of batches are written to first.
CREATE TABLE {db}.origin (
    ledger UUID,
    journal UUID
)
ENGINE = MergeTree
ORDER BY tuple();
