-- What the ledger concluded: every finding as it was raised, amended and withdrawn.
CREATE TABLE {db}.findings (
    tenant LowCardinality(String),
    id String,
    position UInt64,
    -- raised, amended, withdrawn
    what LowCardinality(String),
    -- When it was judged.
    at Int64,
    rule LowCardinality(String),
    kind LowCardinality(String),
    severity LowCardinality(String),
    provisional UInt8,
    tokens Array(UUID),
    family UUID,
    gateway LowCardinality(String),
    summary String,
    -- JSON.
    evidence String CODEC(ZSTD(1)),
    -- Of a withdrawn one.
    reason LowCardinality(String),
    by String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, id, position)
SETTINGS non_replicated_deduplication_window = 1000;

-- The findings that stand, each as it was told last.
CREATE VIEW {db}.open_findings AS
SELECT tenant, id, last.1 AS position, last.3 AS at, last.4 AS rule, last.5 AS kind, last.6 AS severity, last.7 AS provisional,
    last.8 AS tokens, last.9 AS family, last.10 AS gateway, last.11 AS summary, last.12 AS evidence
FROM (
    SELECT tenant, id,
        argMax((position, what, at, rule, kind, severity, provisional, tokens, family, gateway, summary, evidence), position) AS last
    FROM {db}.findings
    GROUP BY tenant, id
)
WHERE last.2 != 'withdrawn';
