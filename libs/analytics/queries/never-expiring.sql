-- title: Never-expiring tokens
-- description: Tokens that say they never expire, with age and last use, oldest first. A token whose issuer stated an expiry is none of them.
-- param since Int64 as time, default any: last used, or else first seen, at or after this
-- param client UUID, default any: of this client alone
-- param ended String as hide|show, default hide: whether tokens that were revoked or rotated are listed
-- param old Int64 as duration, default 365d: marked old from this age on
-- param dormant Int64 as duration, default 90d: marked dormant when unused for this long
-- param limit UInt32, default 1000: rows at most
-- times: bornAt, lastUseAt, endedAt
-- example: now=2026-03-11T00:00:00Z
-- chart: table
WITH
    issuing AS (SELECT speaker FROM {db}.speakers FINAL WHERE tenant = {tenant:String} AND kind IN ('token.issued', 'token.reissued', 'token.exchanged', 'token.renewed')),
    never AS (
        SELECT name FROM {db}.attributes
        WHERE tenant = {tenant:String} AND exp_kind = 'never' AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    tokens AS MATERIALIZED (
        SELECT name, max(sub) AS subject, max(cli) AS client, max(kid) AS kid, max(token_kind) AS kind, max(speaker IN issuing AND exp_kind = 'at') AS dated,
            minIf(iat, iat > -9000000000000000000) AS iat
        FROM {db}.attributes
        WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(name) FROM never) AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
        HAVING NOT dated AND (empty({client:UUID}) OR client = {client:UUID})
    ),
    pairs AS MATERIALIZED (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.name_pairs AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(name) FROM tokens) GROUP BY tok
    ),
    lives AS (
        SELECT if(empty(pairs.center), o.name, pairs.center) AS name,
            minIf(o.at, o.kind = 'issued') AS issued, min(o.at) AS seen, maxIf(o.last_at, o.kind = 'accepted') AS used,
            minIf(o.at, o.kind IN ('revoked', 'compromised', 'rotated', 'consumed')) AS ended,
            groupUniqArrayIf(o.gateway, o.kind = 'accepted' AND o.gateway != '') AS gateways
        FROM (
            SELECT name, kind, gateway, at, last_at FROM {db}.onsets
            WHERE tenant = {tenant:String} AND NOT has({claimed:Array(UInt64)}, speaker) AND at <= {now:Int64}
                AND toUInt128(name) IN (SELECT toUInt128(name) FROM tokens UNION DISTINCT SELECT toUInt128(tok) FROM pairs)
        ) AS o
        LEFT JOIN pairs ON pairs.tok = o.name
        GROUP BY name
    )
SELECT t.name AS token, t.kind AS kind, t.client AS client, t.subject AS subject,
    multiIf(t.iat > 0, t.iat, l.issued > 0, l.issued, l.seen) AS bornAt, intDiv({now:Int64} - bornAt, 86400000) AS ageDays,
    nullIf(least(l.used, {now:Int64}), 0) AS lastUseAt, intDiv({now:Int64} - lastUseAt, 86400000) AS unusedDays,
    arraySort(l.gateways) AS gateways, nullIf(l.ended, 0) AS endedAt,
    toBool(bornAt <= {now:Int64} - {old:Int64}) AS old, toBool(coalesce(lastUseAt, bornAt) <= {now:Int64} - {dormant:Int64}) AS dormant
FROM tokens AS t
INNER JOIN lives AS l ON l.name = t.name
WHERE ({ended:String} = 'show' OR endedAt IS NULL) AND coalesce(lastUseAt, bornAt) >= {since:Int64}
ORDER BY bornAt, token
LIMIT {limit:UInt32}
