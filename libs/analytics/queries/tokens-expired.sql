-- title: Rate of expiration
-- description: Tokens whose expiry fell into each step, and how many of them had been ended in another way by then. Of several
--   stated expiries the latest renewal counts, else the issuer's own, else what a gateway saw.
-- param from Int64 as time, default now-24h: expired at or after this
-- param to Int64 as time, default now: expired before this
-- param step String as minute|hour|day, default hour: width of a step
-- param by String as kind|issuer|none, default kind: what the tokens are told apart by
-- times: at
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=at y=expired series=series
WITH
    transform({step:String}, ['minute', 'hour', 'day'], [60000, 3600000, 86400000], 3600000) AS width,
    issuing AS (SELECT speaker FROM {db}.speakers FINAL WHERE tenant = {tenant:String} AND kind IN ('token.issued', 'token.reissued', 'token.exchanged')),
    candidates AS MATERIALIZED (
        SELECT name FROM {db}.attributes WHERE tenant = {tenant:String} AND exp_kind = 'at' AND exp_at >= {from:Int64} AND exp_at < {to:Int64}
            AND NOT has({claimed:Array(UInt64)}, speaker)
        UNION DISTINCT
        SELECT name FROM {db}.renewals WHERE tenant = {tenant:String} AND exp_kind = 'at' AND exp_at >= {from:Int64} AND exp_at < {to:Int64}
            AND NOT has({claimed:Array(UInt64)}, speaker)
    ),
    due AS MATERIALIZED (
        SELECT name, argMax(exp_at, (rank, said, -exp_at)) AS expiry, argMax(exp_kind, (rank, said, -exp_at)) AS expiry_kind,
            max(token_kind) AS kind, argMax(speaker, rank) AS by_speaker
        FROM (
            SELECT name, exp_kind, exp_at, token_kind, speaker, if(speaker IN issuing, 2, 1) AS rank, toInt64(0) AS said
            FROM {db}.attributes
            WHERE tenant = {tenant:String} AND exp_kind != '' AND toUInt128(name) IN (SELECT toUInt128(name) FROM candidates) AND NOT has({claimed:Array(UInt64)}, speaker)
            UNION ALL
            SELECT name, exp_kind, exp_at, '' AS token_kind, speaker, 3 AS rank, at AS said
            FROM {db}.renewals
            WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(name) FROM candidates) AND NOT has({claimed:Array(UInt64)}, speaker)
        )
        GROUP BY name
        HAVING expiry_kind = 'at' AND expiry >= {from:Int64} AND expiry < {to:Int64}
    ),
    ended AS (
        SELECT name, min(at) AS ended_at FROM {db}.onsets
        WHERE tenant = {tenant:String} AND kind IN ('revoked', 'compromised', 'rotated', 'consumed') AND toUInt128(name) IN (SELECT toUInt128(name) FROM due)
            AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    issuers AS (SELECT speaker, any(issuer) AS issuer FROM {db}.speakers WHERE tenant = {tenant:String} GROUP BY speaker)
SELECT due.expiry - positiveModulo(due.expiry, width) AS at,
    multiIf({by:String} = 'kind', due.kind, {by:String} = 'issuer', issuers.issuer, 'all') AS series,
    countIf(ended.ended_at = 0 OR ended.ended_at > due.expiry) AS expired,
    countIf(ended.ended_at != 0 AND ended.ended_at <= due.expiry) AS endedBefore,
    round(expired * 60000 / width, 3) AS perMinute
FROM due
LEFT JOIN ended ON ended.name = due.name
LEFT JOIN issuers ON issuers.speaker = due.by_speaker
GROUP BY at, series
ORDER BY at, series
