-- Uses and events per minute, hour and day. `batch` is part of the key, so that a batch that comes twice is one row;
-- hours and days are made of whole chunks of 2^20 positions (`chunk`), by the writer, when a chunk is complete.
CREATE TABLE {db}.rollup_minute (
    tenant LowCardinality(String),
    minute Int64 CODEC(Delta, ZSTD(1)),
    chunk UInt32,
    batch UInt64,
    recorded_month UInt32,
    issuer LowCardinality(String),
    client UUID,
    gateway LowCardinality(String),
    region LowCardinality(String),
    api LowCardinality(String),
    version LowCardinality(String),
    kind LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    facts UInt64,
    uses UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY recorded_month
ORDER BY (tenant, minute, issuer, client, gateway, region, api, version, kind, outcome, reason, batch)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.rollup_minute_of_facts TO {db}.rollup_minute AS
SELECT tenant, time - positiveModulo(time, 60000) AS minute,
    toUInt32(intDiv(batch, 1048576)) AS chunk, batch, recorded_month, issuer, cli AS client,
    gateway, region, api, version, kind, outcome, reason, count() AS facts, sum(facts.uses) AS uses
FROM {db}.facts
WHERE startsWith(kind, 'token.') AND kind NOT IN ('token.aliased', 'token.renamed')
GROUP BY ALL;

CREATE TABLE {db}.rollup_hour (
    tenant LowCardinality(String),
    hour Int64 CODEC(Delta, ZSTD(1)),
    chunk UInt32,
    issuer LowCardinality(String),
    client UUID,
    gateway LowCardinality(String),
    region LowCardinality(String),
    api LowCardinality(String),
    version LowCardinality(String),
    kind LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    facts UInt64,
    uses UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, hour, issuer, client, gateway, region, api, version, kind, outcome, reason, chunk)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE {db}.rollup_day (
    tenant LowCardinality(String),
    day Int64 CODEC(Delta, ZSTD(1)),
    chunk UInt32,
    issuer LowCardinality(String),
    client UUID,
    gateway LowCardinality(String),
    region LowCardinality(String),
    api LowCardinality(String),
    version LowCardinality(String),
    kind LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    facts UInt64,
    uses UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, day, issuer, client, gateway, region, api, version, kind, outcome, reason, chunk)
SETTINGS non_replicated_deduplication_window = 1000;

-- Chunks whose hours and days are complete.
CREATE TABLE {db}.rolled_chunks (
    chunk UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY chunk
SETTINGS non_replicated_deduplication_window = 1000;

-- What to read: complete chunks from the coarse table, the rest from the minutes.
CREATE VIEW {db}.use_minutes AS
SELECT tenant, minute, issuer, client, gateway, region, api, version, kind, outcome, reason, facts, uses
FROM {db}.rollup_minute FINAL;

CREATE VIEW {db}.use_hours AS
SELECT tenant, hour, issuer, client, gateway, region, api, version, kind, outcome, reason, facts, uses
FROM {db}.rollup_hour FINAL WHERE chunk IN (SELECT chunk FROM {db}.rolled_chunks)
UNION ALL
SELECT tenant, minute - positiveModulo(minute, 3600000) AS hour, issuer, client, gateway, region, api, version, kind, outcome, reason, facts, uses
FROM {db}.rollup_minute FINAL WHERE chunk NOT IN (SELECT chunk FROM {db}.rolled_chunks);

CREATE VIEW {db}.use_days AS
SELECT tenant, day, issuer, client, gateway, region, api, version, kind, outcome, reason, facts, uses
FROM {db}.rollup_day FINAL WHERE chunk IN (SELECT chunk FROM {db}.rolled_chunks)
UNION ALL
SELECT tenant, minute - positiveModulo(minute, 86400000) AS day, issuer, client, gateway, region, api, version, kind, outcome, reason, facts, uses
FROM {db}.rollup_minute FINAL WHERE chunk NOT IN (SELECT chunk FROM {db}.rolled_chunks);

-- Uses of one token per minute, for histories that are longer than anyone wants to read.
CREATE TABLE {db}.token_minutes (
    tenant LowCardinality(String),
    name UUID,
    minute Int64 CODEC(Delta, ZSTD(1)),
    shape UInt64,
    batch UInt64,
    recorded_month UInt32,
    gateway LowCardinality(String),
    version LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    first_at Int64,
    last_at Int64,
    -- Positions of the facts at first and last.
    first_position UInt64,
    last_position UInt64,
    facts UInt32,
    uses UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY recorded_month
ORDER BY (tenant, name, minute, shape, batch)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 4096;

CREATE MATERIALIZED VIEW {db}.token_minutes_of_facts TO {db}.token_minutes AS
SELECT tenant, name, facts.first_at - positiveModulo(facts.first_at, 60000) AS minute, shape, batch,
    recorded_month, any(facts.gateway) AS gateway, any(facts.version) AS version, any(facts.outcome) AS outcome, any(facts.reason) AS reason,
    argMin(position, (facts.first_at, position)) AS first_position, argMax(position, (facts.last_at, position)) AS last_position,
    min(facts.first_at) AS first_at, max(facts.last_at) AS last_at,
    toUInt32(count()) AS facts, sum(facts.uses) AS uses
FROM {db}.facts
WHERE facts.outcome != ''
GROUP BY tenant, name, minute, shape, batch, recorded_month;

-- When which version of a component was active where, as the deployments library reads it from what is declared and from
-- versions stamped on lines. Read it with FINAL: a span that holds no more is `gone`.
CREATE TABLE {db}.intervals (
    tenant LowCardinality(String),
    component LowCardinality(String),
    version LowCardinality(String),
    gateway LowCardinality(String),
    region LowCardinality(String),
    cohort LowCardinality(String),
    -- Share of the traffic that it had last.
    weight Float64,
    -- [from_at, to_at); the largest Int64 for one that is active.
    from_at Int64,
    to_at Int64,
    -- Known only from versions stamped on lines.
    inferred UInt8,
    -- The position at which it was read so.
    known_at UInt64,
    gone UInt8
)
ENGINE = ReplacingMergeTree(known_at, gone)
ORDER BY (tenant, component, version, gateway, region, cohort, from_at)
SETTINGS non_replicated_deduplication_window = 1000;
