-- title: Use over time
-- description: Requests that showed a token, by API, client, issuer and more. Denied means that the token was fine and the deed not
--   allowed; uses without effect (dark launches) stand apart.
-- param from Int64 as time, default now-24h: at or after this; counts whole steps
-- param to Int64 as time, default now: before this
-- param step String as minute|hour|day, default hour: width of a step
-- param by String as api|client|issuer|gateway|region|version|none, default api: what the uses are told apart by
-- param api String, default any: at this API alone
-- param client UUID, default any: by this client alone
-- param issuer String, default any: of tokens of this issuer alone
-- param gateway String, default any: at this gateway alone
-- times: at
-- example: now=2026-03-10T11:00:00Z by=gateway
-- chart: line x=at y=accepted,refused series=series
SELECT u.at AS at,
    multiIf({by:String} = 'api', u.api, {by:String} = 'client', lower(hex(u.client)), {by:String} = 'issuer', u.issuer,
        {by:String} = 'gateway', u.gateway, {by:String} = 'region', u.region, {by:String} = 'version', u.version, 'all') AS series,
    sumIf(u.uses, u.outcome = 'accepted') AS accepted, sumIf(u.uses, u.outcome = 'refused') AS refused,
    sumIf(u.uses, u.outcome = 'denied') AS denied, sumIf(u.uses, u.outcome = 'observed') AS observed,
    sumIf(u.uses, u.outcome = 'shadow') AS shadow
FROM (
    SELECT minute AS at, api, client, issuer, gateway, region, version, outcome, uses FROM {db}.use_minutes
    WHERE {step:String} = 'minute' AND tenant = {tenant:String} AND minute >= {from:Int64} - positiveModulo({from:Int64}, 60000)
        AND minute < {to:Int64} AND outcome != ''
    UNION ALL
    SELECT hour AS at, api, client, issuer, gateway, region, version, outcome, uses FROM {db}.use_hours
    WHERE {step:String} = 'hour' AND tenant = {tenant:String} AND hour >= {from:Int64} - positiveModulo({from:Int64}, 3600000)
        AND hour < {to:Int64} AND outcome != ''
    UNION ALL
    SELECT day AS at, api, client, issuer, gateway, region, version, outcome, uses FROM {db}.use_days
    WHERE {step:String} = 'day' AND tenant = {tenant:String} AND day >= {from:Int64} - positiveModulo({from:Int64}, 86400000)
        AND day < {to:Int64} AND outcome != ''
) AS u
WHERE ({api:String} = '' OR u.api = {api:String}) AND (empty({client:UUID}) OR u.client = {client:UUID})
    AND ({issuer:String} = '' OR u.issuer = {issuer:String}) AND ({gateway:String} = '' OR u.gateway = {gateway:String})
GROUP BY at, series
ORDER BY at, series
