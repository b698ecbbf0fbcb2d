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
    ended AS MATERIALIZED (
        SELECT name, min(at) AS ended_at FROM {db}.milestones FINAL
        WHERE tenant = {tenant:String} AND kind IN ('token.revoked', 'token.compromised') AND at >= {from:Int64} AND at < {to:Int64}
            AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    pairs AS MATERIALIZED (
        SELECT tok, any(c) AS center
        FROM (
            SELECT p.tok AS tok, p.center AS c FROM {db}.name_pairs AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(name) FROM ended)
            UNION ALL
            SELECT p.tok AS tok, p.center AS c FROM {db}.tok_centers AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(name) FROM ended)
        )
        GROUP BY tok
    ),
    -- Every name of an ended token, with the earliest end of any of them.
    names AS MATERIALIZED (
        SELECT name, min(ended_at) AS ended_at, any(token) AS token
        FROM (
            SELECT name, ended_at, name AS token FROM ended
            UNION ALL
            SELECT pairs.tok, ended.ended_at, ended.name FROM pairs INNER JOIN ended ON ended.name = pairs.center
            UNION ALL
            SELECT pairs.center, ended.ended_at, pairs.center FROM pairs INNER JOIN ended ON ended.name = pairs.tok
        )
        GROUP BY name
    ),
    uses AS (
        SELECT u.name AS name, u.gateway AS gateway, u.region AS region, u.outcome AS outcome, u.first_at AS first_at, u.last_at AS last_at
        FROM {db}.token_minutes AS u
        WHERE u.tenant = {tenant:String} AND u.name IN (SELECT name FROM names) AND u.outcome IN ('accepted', 'refused') AND u.gateway != ''
            AND u.last_at > {from:Int64} AND u.first_at < {to:Int64} + {until:Int64}
    ),
    lags AS (
        SELECT gateway, region, token, any(ended) AS ended_at,
            maxIf(last_at, outcome = 'accepted') - ended_at AS accepted_ms,
            arraySort(groupArrayIf(if(first_at > ended, first_at, last_at), outcome = 'refused')) AS refusals,
            arrayFirst(at -> at > ended_at + greatest(accepted_ms, 0), refusals) AS refused_at
        FROM (
            SELECT uses.gateway AS gateway, uses.region AS region, uses.outcome AS outcome, uses.first_at AS first_at, uses.last_at AS last_at,
                names.token AS token, names.ended_at AS ended
            FROM uses INNER JOIN names ON names.name = uses.name
            WHERE uses.last_at > names.ended_at AND uses.first_at < names.ended_at + {until:Int64}
        )
        GROUP BY gateway, region, token
    )
SELECT gateway, region, count() AS tokens, countIf(accepted_ms > 0) AS acceptedAfter,
    countIf(accepted_ms > {window:Int64}) AS enforcementGaps,
    greatest(max(accepted_ms), 0) AS lagAtLeastMs,
    argMax(if(refused_at = 0, null, refused_at - lags.ended_at), accepted_ms) AS lagAtMostMs,
    toInt64(quantileExactIf(0.5)(greatest(accepted_ms, 0), accepted_ms > 0)) AS medianAcceptedMs,
    argMax(token, accepted_ms) AS token, argMax(lags.ended_at, accepted_ms) AS endedAt
FROM lags
GROUP BY gateway, region
ORDER BY lagAtLeastMs DESC, gateway, region
