-- When a version was seen stamped on the lines of one source, gateway and region: first and last. Lines from the future
-- of the clock that recorded them say nothing of that.
CREATE TABLE {db}.sightings (
    tenant LowCardinality(String),
    source LowCardinality(String),
    version LowCardinality(String),
    gateway LowCardinality(String),
    region LowCardinality(String),
    first_at SimpleAggregateFunction(min, Int64),
    last_at SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, source, version, gateway, region)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.sightings_of_facts TO {db}.sightings AS
SELECT tenant, source, version, gateway, region, min(time) AS first_at, max(time) AS last_at
FROM {db}.facts
WHERE version != '' AND time <= recorded_at + 300000
GROUP BY tenant, source, version, gateway, region;
