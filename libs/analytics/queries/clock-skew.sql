-- title: Issuer clock skew
-- description: Tokens seen before their issue time, by issuer and gateway. The lead is a lower bound: issue time minus first
--   presentation; lines give no upper bound. Sightings further ahead than the slack are about the token, not the clock, and are counted apart.
-- param from Int64 as time, default now-24h: issue time at or after this
-- param to Int64 as time, default now: issue time before this
-- param error Int64 as duration, default 500ms: a lead up to this is within the clocks' error
-- param slack Int64 as duration, default 5m: a lead over this is no skew
-- times: firstPresented, issueTime
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=gateway y=aheadAtLeastMs series=issuer

WITH
    born AS MATERIALIZED (
        SELECT name AS token, if(countIf(claims) > 0, minIf(at, claims), min(at)) AS born, any(speaker) AS speaker
        FROM (
            SELECT name, iat AS at, true AS claims, speaker FROM {db}.attributes
            WHERE tenant = {tenant:String} AND iat >= {from:Int64} AND iat < {to:Int64} AND NOT has({claimed:Array(UInt64)}, speaker)
            UNION ALL
            SELECT m.name, m.at, false AS claims, m.speaker FROM {db}.milestones AS m
            WHERE m.tenant = {tenant:String} AND m.kind = 'token.issued' AND m.at >= {from:Int64} AND m.at < {to:Int64}
                AND NOT has({claimed:Array(UInt64)}, m.speaker)
        )
        GROUP BY name
    ),
    pairs AS (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.name_pairs AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(token) FROM born) GROUP BY tok
    ),
    sighted AS (
        SELECT if(empty(pairs.center), o.name, pairs.center) AS token, o.gateway AS gateway, min(o.at) AS first, min(o.refused) AS refused
        FROM (
            SELECT name, gateway, min(s.at) AS at, minIf(s.at, kind = 'refused') AS refused_at, if(refused_at = 0, null, refused_at) AS refused
            FROM {db}.onsets AS s
            WHERE s.tenant = {tenant:String} AND kind IN ('accepted', 'refused', 'observed') AND gateway != ''
                AND s.at >= {from:Int64} - 86400000 AND s.at < {to:Int64}
            GROUP BY name, gateway
        ) AS o
        LEFT JOIN pairs ON pairs.tok = o.name
        GROUP BY token, gateway
    ),
    issuers AS (SELECT speaker, any(issuer) AS issuer FROM {db}.speakers WHERE tenant = {tenant:String} GROUP BY speaker),
    early AS (
        SELECT issuers.issuer AS issuer, s.gateway AS gateway, s.token AS token, s.first AS first, s.refused AS refused, b.born AS born,
            b.born - s.first AS lead, lead <= {slack:Int64} AS is_skew
        FROM sighted AS s
        INNER JOIN born AS b ON b.token = s.token
        LEFT JOIN issuers ON issuers.speaker = b.speaker
        WHERE b.born - s.first > {error:Int64}
    )
SELECT issuer, gateway, maxIf(lead, is_skew) AS aheadAtLeastMs, countIf(is_skew) AS tokens, countIf(is_skew AND refused < born) AS refusedEarly,
    argMaxIf(early.token, lead, is_skew) AS token, nullIf(argMaxIf(first, lead, is_skew), 0) AS firstPresented,
    nullIf(argMaxIf(born, lead, is_skew), 0) AS issueTime, countIf(NOT is_skew) AS olderSightings
FROM early
GROUP BY issuer, gateway
ORDER BY aheadAtLeastMs DESC, issuer, gateway
