-- What the named queries read beside the tables before. In rollups and token minutes, uses without effect are told apart, so that a
-- rate of refusals needs no second table: `denied` is *may you* (the token was fine, the deed was not allowed), `shadow`
-- a validation of a dark launch.
ALTER TABLE {db}.rollup_minute_of_facts MODIFY QUERY
SELECT tenant, time - positiveModulo(time, 60000) AS minute,
    toUInt32(intDiv(batch, 1048576)) AS chunk, batch, recorded_month, issuer, cli AS client,
    gateway, region, api, version, kind,
    multiIf(shadow = 1, 'shadow', facts.outcome = 'refused' AND class = 'may', 'denied', facts.outcome) AS outcome,
    reason, count() AS facts, sum(facts.uses) AS uses
FROM {db}.facts
WHERE startsWith(kind, 'token.') AND kind NOT IN ('token.aliased', 'token.renamed')
GROUP BY ALL;

ALTER TABLE {db}.token_minutes ADD COLUMN IF NOT EXISTS region LowCardinality(String) AFTER gateway;

ALTER TABLE {db}.token_minutes_of_facts MODIFY QUERY
SELECT tenant, name, facts.first_at - positiveModulo(facts.first_at, 60000) AS minute, shape, batch,
    recorded_month, any(facts.gateway) AS gateway, any(facts.region) AS region, any(facts.version) AS version,
    any(multiIf(shadow = 1, 'shadow', facts.outcome = 'refused' AND class = 'may', 'denied', facts.outcome)) AS outcome,
    any(facts.reason) AS reason,
    argMin(position, (facts.first_at, position)) AS first_position, argMax(position, (facts.last_at, position)) AS last_position,
    min(facts.first_at) AS first_at, max(facts.last_at) AS last_at,
    toUInt32(count()) AS facts, sum(facts.uses) AS uses
FROM {db}.facts
WHERE facts.outcome != ''
GROUP BY tenant, name, minute, shape, batch, recorded_month;

-- Steps in a token's life, in the order of time: all facts of tokens that are no mere use.
CREATE TABLE {db}.milestones (
    tenant LowCardinality(String),
    kind LowCardinality(String),
    at Int64 CODEC(Delta, ZSTD(1)),
    position UInt64,
    name UUID,
    speaker UInt64,
    issuer LowCardinality(String),
    client UUID,
    sub UUID,
    token_kind LowCardinality(String),
    -- Of an issuance: how it was asked for, and whether it opened a grant: somebody logged in.
    grant_type LowCardinality(String),
    login UInt8,
    cause LowCardinality(String),
    scope LowCardinality(String),
    gateway LowCardinality(String),
    region LowCardinality(String),
    version LowCardinality(String),
    unconfirmed UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, kind, at, position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.milestones_of_facts TO {db}.milestones AS
SELECT tenant, kind, time AS at, position, name, speaker, issuer, cli AS client, sub, token_kind,
    if(kind IN ('token.issued', 'token.reissued', 'token.exchanged'), JSONExtractString(data, 'grantType'), '') AS grant_type,
    kind = 'token.issued' AND fam != toUUID('00000000-0000-0000-0000-000000000000') AND NOT JSONHas(data, 'parent')
        AND grant_type NOT IN ('refresh_token', 'client_credentials') AS login,
    cause, scope, gateway, region, version, unconfirmed
FROM {db}.facts
WHERE startsWith(kind, 'token.')
    AND kind NOT IN ('token.observed', 'token.validated', 'token.rejected', 'token.aliased', 'token.renamed');

-- Refusals that count: *who are you*, and no shadow. Per token, minute and place.
CREATE TABLE {db}.refusals (
    tenant LowCardinality(String),
    minute Int64 CODEC(Delta, ZSTD(1)),
    version LowCardinality(String),
    gateway LowCardinality(String),
    region LowCardinality(String),
    reason LowCardinality(String),
    api LowCardinality(String),
    source LowCardinality(String),
    issuer LowCardinality(String),
    token_kind LowCardinality(String),
    client UUID,
    sub UUID,
    name UUID,
    batch UInt64,
    first_at Int64,
    last_at Int64,
    requests UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, minute, version, gateway, region, reason, api, source, issuer, token_kind, client, sub, name, batch)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.refusals_of_facts TO {db}.refusals AS
SELECT tenant, facts.first_at - positiveModulo(facts.first_at, 60000) AS minute, version, gateway, region, reason, api,
    source, issuer, token_kind, cli AS client, sub, name, batch,
    min(facts.first_at) AS first_at, max(facts.last_at) AS last_at, sum(facts.uses) AS requests
FROM {db}.facts
WHERE outcome = 'refused' AND shadow = 0 AND class != 'may'
GROUP BY tenant, minute, version, gateway, region, reason, api, source, issuer, token_kind, client, sub, name, batch;

-- Minutes in which a source spoke. Lines from the future of the clock that recorded them say nothing of that.
CREATE TABLE {db}.source_minutes (
    tenant LowCardinality(String),
    source LowCardinality(String),
    minute Int64 CODEC(Delta, ZSTD(1)),
    batch UInt64,
    last_at Int64,
    facts UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, source, minute, batch)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.source_minutes_of_facts TO {db}.source_minutes AS
SELECT tenant, source, time - positiveModulo(time, 60000) AS minute, batch, max(time) AS last_at, count() AS facts
FROM {db}.facts
WHERE source != 'tally' AND time <= recorded_at + 300000
GROUP BY tenant, source, minute, batch;
