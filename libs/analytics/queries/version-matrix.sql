-- title: Issued version × validated version
-- description: Distinct tokens by the version under which they were issued and the version that accepted or refused them. The issuing version is
--   stamped on the issuance, else the one that was alone active then; ambiguous if several were, unknown without issuance.
-- param from Int64 as time, default now-24h: used at or after this
-- param to Int64 as time, default now: first used before this
-- param component String, default gateway: whose intervals tell the issuing version
-- example: now=2026-03-10T11:00:00Z
-- chart: heatmap x=validated y=issued series=accepted
WITH
    spans AS (
        SELECT version, from_at, to_at FROM {db}.intervals FINAL
        WHERE tenant = {tenant:String} AND component = {component:String}
    ),
    -- A version that no activation tells of was active from its first to its last sighting.
    sighted AS (
        SELECT version, min(minute) AS from_at, max(minute) + 60000 AS to_at FROM {db}.rollup_minute
        WHERE tenant = {tenant:String} AND version != '' AND outcome IN ('accepted', 'refused') AND minute >= {from:Int64} - 604800000
            AND minute < {to:Int64} AND version NOT IN (SELECT version FROM spans)
        GROUP BY version
    ),
    (SELECT groupArray((version, from_at, to_at)) FROM (SELECT * FROM spans UNION ALL SELECT * FROM sighted)) AS active,
    issued AS (
        SELECT name, min(at) AS issued_at, argMin(version, at) AS stamped FROM {db}.milestones
        WHERE tenant = {tenant:String} AND kind IN ('token.issued', 'token.reissued', 'token.exchanged') AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    versioned AS (
        SELECT name, arrayDistinct(arrayMap(s -> s.1, arrayFilter(s -> s.2 <= issued_at AND issued_at < s.3, active))) AS candidates,
            multiIf(stamped != '', stamped, length(candidates) = 1, candidates[1], empty(candidates), 'unknown', 'ambiguous') AS version
        FROM issued
    )
SELECT if(v.version = '', 'unknown', v.version) AS issued, j.version AS validated,
    uniqExactIf(j.name, j.kind = 'accepted') AS accepted, uniqExactIf(j.name, j.kind = 'refused') AS refused
FROM (
    SELECT name, kind, version FROM {db}.onsets
    WHERE tenant = {tenant:String} AND kind IN ('accepted', 'refused') AND version != '' AND last_at >= {from:Int64} AND at < {to:Int64}
) AS j
LEFT JOIN versioned AS v ON v.name = j.name
GROUP BY issued, validated
ORDER BY issued, validated
