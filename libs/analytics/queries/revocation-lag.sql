-- title: Revocation lag
-- description: How long gateways went on accepting tokens after their end (revoked or compromised), by gateway and region: at least until the
--   last acceptance after the end, at most until the first refusal after that. The widest lag is that of one token, named beside it.
-- param from Int64 as time, default now-24h: ended at or after this
-- param to Int64 as time, default now: ended before this
-- param until Int64 as duration, default 24h: how long after the end uses count
-- param window Int64 as duration, default 60s: an acceptance later than this is an enforcement gap
-- times: endedAt
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=gateway y=lagAtLeastMs,lagAtMostMs

WITH
    ended AS (
        SELECT m.name AS name, min(m.at) AS ended_at FROM {db}.milestones AS m
        WHERE m.tenant = {tenant:String} AND m.kind IN ('token.revoked', 'token.compromised') AND m.at >= {from:Int64} AND m.at < {to:Int64}
            AND NOT has({claimed:Array(UInt64)}, m.speaker)
        GROUP BY name
    )
SELECT groupArray(name) AS names, groupArray(ended_at) AS ends FROM ended
-- then, given names Array(UUID), ends Array(Int64):
WITH
    ended AS (SELECT each.1 AS name, each.2 AS ended_at FROM (SELECT arrayJoin(arrayZip({names:Array(UUID)}, {ends:Array(Int64)})) AS each))
SELECT groupArray(name) AS raws, groupArray(token) AS tokens, groupArray(ended_at) AS moments
FROM (
    SELECT name, min(ended_at) AS ended_at, any(token) AS token
    FROM (
        SELECT name, ended_at, name AS token FROM ended
        UNION ALL
        SELECT p.tok AS name, ended.ended_at AS ended_at, p.center AS token
        FROM (SELECT tok, center FROM {db}.name_pairs WHERE tenant = {tenant:String} AND toUInt128(center) IN (SELECT toUInt128(arrayJoin({names:Array(UUID)})))) AS p
        INNER JOIN ended ON ended.name = p.center
        UNION ALL
        SELECT p.center AS name, ended.ended_at AS ended_at, p.center AS token
        FROM (SELECT tok, center FROM {db}.tok_centers WHERE tenant = {tenant:String} AND toUInt128(tok) IN (SELECT toUInt128(arrayJoin({names:Array(UUID)})))) AS p
        INNER JOIN ended ON ended.name = p.tok
    )
    GROUP BY name
)
-- then, given raws Array(UUID), tokens Array(UUID), moments Array(Int64):
WITH
    names AS (
        SELECT each.1 AS name, each.2 AS token, each.3 AS ended_at
        FROM (SELECT arrayJoin(arrayZip({raws:Array(UUID)}, {tokens:Array(UUID)}, {moments:Array(Int64)})) AS each)
    ),
    lags AS (
        SELECT u.gateway AS gateway, u.region AS region, names.token AS token, min(names.ended_at) AS ended,
            maxIf(u.last_at, u.outcome = 'accepted') - ended AS accepted_ms,
            arraySort(groupArrayIf(if(u.first_at > names.ended_at, u.first_at, u.last_at), u.outcome = 'refused')) AS refusals,
            arrayFirst(at -> at > ended + greatest(accepted_ms, 0), refusals) AS refused_at
        FROM (
            SELECT name, gateway, region, outcome, first_at, last_at FROM {db}.token_minutes
            WHERE tenant = {tenant:String} AND name IN (SELECT arrayJoin({raws:Array(UUID)})) AND outcome IN ('accepted', 'refused') AND gateway != ''
                AND minute >= {from:Int64} - 60000 AND minute < {to:Int64} + {until:Int64}
        ) AS u
        INNER JOIN names ON names.name = u.name
        WHERE u.last_at > names.ended_at AND u.first_at < names.ended_at + {until:Int64}
        GROUP BY gateway, region, token
    )
SELECT gateway, region, count() AS tokens, countIf(accepted_ms > 0) AS acceptedAfter, countIf(accepted_ms > {window:Int64}) AS enforcementGaps,
    greatest(max(accepted_ms), 0) AS lagAtLeastMs, argMax(if(refused_at = 0, null, refused_at - ended), accepted_ms) AS lagAtMostMs,
    if(acceptedAfter = 0, 0, toInt64(quantileExactIf(0.5)(accepted_ms, accepted_ms > 0))) AS medianAcceptedMs,
    argMax(lags.token, accepted_ms) AS token, argMax(ended, accepted_ms) AS endedAt
FROM lags
GROUP BY gateway, region
ORDER BY lagAtLeastMs DESC, gateway, region
