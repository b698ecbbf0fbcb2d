-- title: Renewals
-- description: Refreshes over time: tokens renewed in place, refresh tokens rotated to a successor, and refreshes that were refused.
-- param from Int64 as time, default now-24h: at or after this
-- param to Int64 as time, default now: before this
-- param step String as minute|hour|day, default hour: width of a step
-- param by String as issuer|client|none, default issuer: what they are told apart by
-- times: at
-- example: now=2026-03-10T11:00:00Z
-- chart: line x=at y=rotated,renewed,failed series=series
WITH transform({step:String}, ['minute', 'hour', 'day'], [60000, 3600000, 86400000], 3600000) AS width
SELECT r.at - positiveModulo(r.at, width) AS at,
    multiIf({by:String} = 'issuer', r.issuer, {by:String} = 'client', lower(hex(r.client)), 'all') AS series,
    sumIf(r.n, r.what = 'token.renewed') AS renewed, sumIf(r.n, r.what = 'token.rotated') AS rotated,
    sumIf(r.n, r.what = 'failed') AS failed, round(failed / (renewed + rotated + failed), 4) AS failureRate
FROM (
    SELECT at, kind AS what, issuer, client, 1 AS n
    FROM {db}.milestones FINAL
    WHERE tenant = {tenant:String} AND kind IN ('token.renewed', 'token.rotated') AND at >= {from:Int64} AND at < {to:Int64}
        AND NOT has({claimed:Array(UInt64)}, speaker)
    UNION ALL
    SELECT first_at AS at, 'failed' AS what, issuer, client, requests AS n
    FROM {db}.refusals FINAL
    WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64} AND token_kind = 'refresh'
        AND first_at >= {from:Int64} AND first_at < {to:Int64}
) AS r
GROUP BY at, series
ORDER BY at, series
