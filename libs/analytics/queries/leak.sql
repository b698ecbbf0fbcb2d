-- title: From a leak to its tokens
-- description: The tokens that a leak could concern: of a client, of a signing key, of a subject, or seen at a gateway within a time, with whose
--   they are, when they were used in that time and last, and whether they still live. Give at least one of client, kid, subject, gateway.
-- param from Int64 as time, default now-24h: the leak began
-- param to Int64 as time, default now: and ended
-- param client UUID, default any: tokens of this client
-- param kid UUID, default any: tokens signed with this key
-- param subject UUID, default any: tokens of this person or service
-- param gateway String, default any: tokens seen at this gateway in that time; others must have been used or issued in it
-- param limit UInt32, default 1000: rows at most, the latest used first
-- times: issuedAt, firstUseAt, lastUseAt, lastUseEverAt, expiresAt, endedAt
-- example: now=2026-03-10T11:00:00Z gateway=gw-a limit=5
-- chart: table
WITH
    empty({client:UUID}) AND empty({kid:UUID}) AND empty({subject:UUID}) AS whoever,
    suspects AS MATERIALIZED (
        SELECT name FROM {db}.attributes
        WHERE NOT whoever AND tenant = {tenant:String} AND NOT has({claimed:Array(UInt64)}, speaker)
            AND ((NOT empty({client:UUID}) AND cli = {client:UUID}) OR (NOT empty({kid:UUID}) AND kid = {kid:UUID})
                OR (NOT empty({subject:UUID}) AND sub = {subject:UUID}))
        GROUP BY name
        HAVING (empty({client:UUID}) OR max(cli = {client:UUID})) AND (empty({kid:UUID}) OR max(kid = {kid:UUID}))
            AND (empty({subject:UUID}) OR max(sub = {subject:UUID}))
    ),
    uses AS MATERIALIZED (
        SELECT u.name AS name, min(u.first_at) AS first_at, max(u.last_at) AS last_at, sum(u.uses) AS uses, groupUniqArray(u.gateway) AS gateways
        FROM {db}.token_minutes AS u FINAL
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64} AND u.last_at >= {from:Int64} AND u.first_at < {to:Int64}
            AND outcome IN ('accepted', 'observed') AND ({gateway:String} = '' OR gateway = {gateway:String})
            AND (whoever AND {gateway:String} != '' OR name IN suspects OR name IN (SELECT tok FROM {db}.name_pairs WHERE tenant = {tenant:String} AND toUInt128(center) IN (SELECT toUInt128(name) FROM suspects)))
        GROUP BY name
    ),
    found AS MATERIALIZED (
        SELECT name FROM uses
        UNION DISTINCT
        SELECT name FROM {db}.milestones
        WHERE {gateway:String} = '' AND NOT whoever AND tenant = {tenant:String} AND kind IN ('token.issued', 'token.reissued', 'token.exchanged')
            AND at >= {from:Int64} AND at < {to:Int64} AND name IN suspects
    ),
    pairs AS MATERIALIZED (
        SELECT tok, any(c) AS center
        FROM (
            SELECT p.tok AS tok, p.center AS c FROM {db}.name_pairs AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(name) FROM found)
            UNION ALL
            SELECT p.tok AS tok, p.center AS c FROM {db}.tok_centers AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(name) FROM found)
        )
        GROUP BY tok
    ),
    tokens AS MATERIALIZED (
        SELECT if(empty(pairs.center), f.name, pairs.center) AS token, min(nullIf(uses.first_at, 0)) AS first_at, max(uses.last_at) AS last_at,
            sum(uses.uses) AS uses, arrayDistinct(arrayFlatten(groupArray(uses.gateways))) AS gateways
        FROM found AS f
        LEFT JOIN pairs ON pairs.tok = f.name
        LEFT JOIN uses ON uses.name = f.name
        GROUP BY token
        ORDER BY last_at DESC, token
        LIMIT {limit:UInt32}
    ),
    described AS (
        SELECT name, max(sub) AS subject, max(cli) AS client, max(kid) AS kid, max(token_kind) AS kind, maxIf(exp_at, exp_kind = 'at') AS exp_at,
            max(exp_kind = 'never') AS never
        FROM {db}.attributes
        WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(token) FROM tokens) AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    lives AS (
        SELECT if(empty(pairs.center), o.name, pairs.center) AS name, minIf(o.at, o.kind = 'issued') AS issued,
            maxIf(o.last_at, o.kind = 'accepted') AS used, minIf(o.at, o.kind IN ('revoked', 'compromised', 'rotated', 'consumed')) AS ended
        FROM (
            SELECT name, kind, at, last_at FROM {db}.onsets
            WHERE tenant = {tenant:String} AND NOT has({claimed:Array(UInt64)}, speaker)
                AND toUInt128(name) IN (SELECT toUInt128(token) FROM tokens UNION DISTINCT SELECT toUInt128(tok) FROM pairs)
        ) AS o
        LEFT JOIN pairs ON pairs.tok = o.name
        GROUP BY name
    )
SELECT t.token AS token, d.kind AS kind, d.subject AS subject, d.client AS client, d.kid AS kid, nullIf(l.issued, 0) AS issuedAt,
    t.first_at AS firstUseAt, nullIf(t.last_at, 0) AS lastUseAt, t.uses AS uses, arraySort(t.gateways) AS gateways,
    nullIf(l.used, 0) AS lastUseEverAt, nullIf(d.exp_at, 0) AS expiresAt, nullIf(l.ended, 0) AS endedAt,
    (endedAt IS NULL OR endedAt > {now:Int64}) AND (d.exp_at = 0 OR d.exp_at > {now:Int64}) AS live
FROM tokens AS t
LEFT JOIN described AS d ON d.name = t.token
LEFT JOIN lives AS l ON l.name = t.token
ORDER BY t.last_at DESC, token
