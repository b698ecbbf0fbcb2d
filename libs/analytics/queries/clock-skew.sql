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
    births AS MATERIALIZED (
        SELECT name, if(countIf(claimed_time) > 0, minIf(at, claimed_time), min(at)) AS born, any(speaker) AS speaker
        FROM (
            SELECT name, iat AS at, true AS claimed_time, speaker FROM {db}.attributes
            WHERE tenant = {tenant:String} AND iat >= {from:Int64} AND iat < {to:Int64} AND NOT has({claimed:Array(UInt64)}, speaker)
            UNION ALL
            SELECT name, at, false AS claimed_time, speaker FROM {db}.milestones
            WHERE tenant = {tenant:String} AND kind = 'token.issued' AND at >= {from:Int64} AND at < {to:Int64}
                AND NOT has({claimed:Array(UInt64)}, speaker)
        )
        GROUP BY name
    ),
    pairs AS MATERIALIZED (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.name_pairs AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(name) FROM births) GROUP BY tok
    ),
    sighted AS (
        SELECT if(empty(pairs.center), o.name, pairs.center) AS name, o.gateway AS gateway, min(o.at) AS first, min(o.refused) AS refused
        FROM (
            SELECT name, gateway, at, if(kind = 'refused', at, null) AS refused FROM {db}.onsets
            WHERE tenant = {tenant:String} AND kind IN ('accepted', 'refused', 'observed') AND gateway != ''
                AND toUInt128(name) IN (SELECT toUInt128(name) FROM births UNION DISTINCT SELECT toUInt128(tok) FROM pairs)
        ) AS o
        LEFT JOIN pairs ON pairs.tok = o.name
        GROUP BY name, gateway
    ),
    issuers AS (SELECT speaker, any(issuer) AS issuer FROM {db}.speakers WHERE tenant = {tenant:String} GROUP BY speaker)
SELECT e.issuer AS issuer, e.gateway AS gateway, maxIf(e.lead, e.lead <= {slack:Int64}) AS aheadAtLeastMs,
    countIf(e.lead <= {slack:Int64}) AS tokens, countIf(e.lead <= {slack:Int64} AND e.refused < e.born) AS refusedEarly,
    argMaxIf(e.name, e.lead, e.lead <= {slack:Int64}) AS token, argMaxIf(e.first, e.lead, e.lead <= {slack:Int64}) AS firstPresented,
    argMaxIf(e.born, e.lead, e.lead <= {slack:Int64}) AS issueTime, countIf(e.lead > {slack:Int64}) AS olderSightings
FROM (
    SELECT issuers.issuer AS issuer, s.gateway AS gateway, s.name AS name, s.first AS first, s.refused AS refused, births.born AS born,
        births.born - s.first AS lead
    FROM sighted AS s
    INNER JOIN births ON births.name = s.name
    LEFT JOIN issuers ON issuers.speaker = births.speaker
    WHERE births.born - s.first > {error:Int64}
) AS e
GROUP BY issuer, gateway
ORDER BY aheadAtLeastMs DESC, issuer, gateway
