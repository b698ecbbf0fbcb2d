-- title: Tokens issued
-- description: Tokens that issuers say they issued, over time. A token that two sources report counts once a step.
-- param from Int64 as time, default now-24h: issued at or after this
-- param to Int64 as time, default now: issued before this
-- param step String as minute|hour|day, default hour: width of a step
-- param by String as issuer|client|kind|grant|version|region|none, default issuer: what the tokens are told apart by
-- param issuer String, default any: of this issuer alone
-- param client UUID, default any: of this client alone
-- times: at
-- example: now=2026-03-10T11:00:00Z by=kind
-- chart: bars x=at y=tokens series=series
WITH transform({step:String}, ['minute', 'hour', 'day'], [60000, 3600000, 86400000], 3600000) AS width
SELECT m.at - positiveModulo(m.at, width) AS at,
    multiIf({by:String} = 'issuer', m.issuer, {by:String} = 'client', lower(hex(m.client)), {by:String} = 'kind', m.token_kind,
        {by:String} = 'grant', m.grant_type, {by:String} = 'version', m.version, {by:String} = 'region', m.region, 'all') AS series,
    uniqExact(m.name) AS tokens, uniqExactIf(m.name, m.login = 1) AS byLogin, uniqExactIf(m.name, m.unconfirmed = 1) AS unconfirmed
FROM {db}.milestones AS m FINAL
WHERE m.tenant = {tenant:String} AND m.kind IN ('token.issued', 'token.reissued', 'token.exchanged')
    AND m.at >= {from:Int64} AND m.at < {to:Int64} AND NOT has({claimed:Array(UInt64)}, m.speaker)
    AND ({issuer:String} = '' OR m.issuer = {issuer:String}) AND (empty({client:UUID}) OR m.client = {client:UUID})
GROUP BY at, series
ORDER BY at, series
