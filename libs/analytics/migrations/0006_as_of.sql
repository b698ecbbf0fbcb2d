-- What one token's answer needs when its uses are too many to read: which shapes have facts from the future, how many
-- instants a minute has, and the few things that hold for every token.
ALTER TABLE {db}.token_minutes ADD COLUMN IF NOT EXISTS instants UInt8;

ALTER TABLE {db}.token_minutes ADD COLUMN IF NOT EXISTS ahead Int64;

ALTER TABLE {db}.token_minutes_of_facts MODIFY QUERY
SELECT tenant, name, facts.first_at - positiveModulo(facts.first_at, 60000) AS minute, shape, batch,
    recorded_month, any(facts.gateway) AS gateway, any(facts.region) AS region, any(facts.version) AS version,
    any(multiIf(shadow = 1, 'shadow', facts.outcome = 'refused' AND class = 'may', 'denied', facts.outcome)) AS outcome,
    any(facts.reason) AS reason,
    argMin(position, (facts.first_at, position)) AS first_position, argMax(position, (facts.last_at, position)) AS last_position,
    min(facts.first_at) AS first_at, max(facts.last_at) AS last_at,
    toUInt32(count()) AS facts, sum(facts.uses) AS uses,
    -- 3 stands for more than two.
    toUInt8(least(uniqUpTo(3)(facts.first_at), 3)) AS instants, max(time - recorded_at) AS ahead
FROM {db}.facts
WHERE facts.outcome != ''
GROUP BY tenant, name, minute, shape, batch, recorded_month;

-- Facts of a token that are no use are few among many that are.
ALTER TABLE {db}.facts ADD INDEX IF NOT EXISTS outcomes outcome TYPE set(8) GRANULARITY 1;

-- Records with another variant (MODEL §2.2): their keys, from the position of the second on.
CREATE TABLE {db}.conflicts (
    tenant LowCardinality(String),
    position UInt64,
    record_key UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.conflicts_of_facts TO {db}.conflicts AS
SELECT tenant, position, record_key FROM {db}.facts WHERE conflict = 1;

-- Where the facts stand that rename something.
CREATE TABLE {db}.renames (
    tenant LowCardinality(String),
    position UInt64,
    name UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.renames_of_facts TO {db}.renames AS
SELECT tenant, position, name FROM {db}.facts WHERE kind = 'token.renamed';

-- How far each source had come by the end of each batch. What is dated later than it was recorded, by more than 5 min,
-- says nothing of that (MODEL §4.4): `came` is 0 where a batch has nothing else.
CREATE TABLE {db}.source_clocks (
    tenant LowCardinality(String),
    source LowCardinality(String),
    batch UInt64,
    came UInt8,
    high Int64,
    last_recorded Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, source, batch)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.source_clocks_of_facts TO {db}.source_clocks AS
SELECT tenant, source, batch, max(time <= recorded_at + 300000) AS came,
    maxIf(least(time, recorded_at), time <= recorded_at + 300000) AS high, max(recorded_at) AS last_recorded
FROM {db}.facts
GROUP BY tenant, source, batch;
