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
-- needs: client, kid, subject, gateway
-- times: issuedAt, firstUseAt, lastUseAt, lastUseEverAt, expiresAt, endedAt
-- example: now=2026-03-10T11:00:00Z gateway=gw-a limit=5
-- chart: table

SELECT groupArray(name) AS named
FROM (
    SELECT name FROM {db}.attributes
    WHERE tenant = {tenant:String} AND NOT has({claimed:Array(UInt64)}, speaker)
        AND ((NOT empty({client:UUID}) AND cli = {client:UUID}) OR (NOT empty({kid:UUID}) AND kid = {kid:UUID})
            OR (NOT empty({subject:UUID}) AND sub = {subject:UUID}))
    GROUP BY name
    HAVING (empty({client:UUID}) OR max(cli = {client:UUID})) AND (empty({kid:UUID}) OR max(kid = {kid:UUID}))
        AND (empty({subject:UUID}) OR max(sub = {subject:UUID}))
)
-- then, given named Array(UUID):
SELECT groupArray(name) AS suspects
FROM (
    SELECT arrayJoin({named:Array(UUID)}) AS name
    UNION DISTINCT
    SELECT tok FROM {db}.name_pairs
    WHERE tenant = {tenant:String} AND toUInt128(center) IN (SELECT toUInt128(arrayJoin({named:Array(UUID)})))
)
-- then, given suspects Array(UUID):
SELECT groupArray(name) AS found
FROM (
    SELECT name, max(at) AS last
    FROM (
        SELECT name, last_at AS at FROM {db}.token_minutes
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64}
            AND last_at >= {from:Int64} AND first_at < {to:Int64}
            AND outcome IN ('accepted', 'observed') AND ({gateway:String} = '' OR gateway = {gateway:String})
            AND (empty({client:UUID}) AND empty({kid:UUID}) AND empty({subject:UUID}) AND {gateway:String} != '' OR name IN (SELECT arrayJoin({suspects:Array(UUID)})))
        UNION ALL
        SELECT name, 0 AS at FROM {db}.milestones
        WHERE {gateway:String} = '' AND tenant = {tenant:String} AND kind IN ('token.issued', 'token.reissued', 'token.exchanged')
            AND milestones.at >= {from:Int64} AND milestones.at < {to:Int64} AND name IN (SELECT arrayJoin({suspects:Array(UUID)}))
    )
    GROUP BY name
    ORDER BY last DESC, name
    LIMIT {limit:UInt32}
)
-- then, given found Array(UUID):
WITH
    centers AS (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.tok_centers AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(arrayJoin({found:Array(UUID)}))) GROUP BY tok
    ),
    tokens AS (
        SELECT DISTINCT if(empty(centers.center), n.name, centers.center) AS token
        FROM (SELECT arrayJoin({found:Array(UUID)}) AS name) AS n LEFT JOIN centers ON centers.tok = n.name
    )
SELECT groupArray(name) AS raws, groupArray(token) AS tokens
FROM (
    SELECT token AS name, token FROM tokens
    UNION DISTINCT
    SELECT p.tok, p.center FROM {db}.name_pairs AS p
    WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(token) FROM tokens)
)
-- then, given raws Array(UUID), tokens Array(UUID):
WITH
    names AS (
        SELECT each.1 AS name, each.2 AS token FROM (SELECT arrayJoin(arrayZip({raws:Array(UUID)}, {tokens:Array(UUID)})) AS each)
    ),
    uses AS (
        SELECT names.token AS token, min(u.first_at) AS first_at, max(u.last_at) AS last_at, sum(u.uses) AS uses, groupUniqArray(u.gateway) AS gateways
        FROM (
            SELECT name, gateway, first_at, last_at, uses FROM {db}.token_minutes
            WHERE tenant = {tenant:String} AND name IN (SELECT arrayJoin({raws:Array(UUID)})) AND minute >= {from:Int64} - 60000 AND minute < {to:Int64}
                AND last_at >= {from:Int64} AND first_at < {to:Int64} AND outcome IN ('accepted', 'observed')
                AND ({gateway:String} = '' OR gateway = {gateway:String})
            -- As FINAL, for the few rows that are left: a batch that came twice counts once.
            LIMIT 1 BY name, minute, shape, batch
        ) AS u
        INNER JOIN names ON names.name = u.name
        GROUP BY token
    ),
    described AS (
        SELECT names.token AS token, max(a.sub) AS subject, max(a.cli) AS client, max(a.kid) AS kid, max(a.token_kind) AS kind,
            maxIf(a.exp_at, a.exp_kind = 'at') AS exp_at
        FROM (
            SELECT name, sub, cli, kid, token_kind, exp_at, exp_kind FROM {db}.attributes
            WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(arrayJoin({raws:Array(UUID)}))) AND NOT has({claimed:Array(UInt64)}, speaker)
        ) AS a
        INNER JOIN names ON names.name = a.name
        GROUP BY token
    ),
    lives AS (
        SELECT names.token AS token, minIf(o.at, o.kind = 'issued') AS issued, maxIf(o.last_at, o.kind = 'accepted') AS used,
            minIf(o.at, o.kind IN ('revoked', 'compromised', 'rotated', 'consumed')) AS ended
        FROM (
            SELECT name, kind, at, last_at FROM {db}.onsets
            WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(arrayJoin({raws:Array(UUID)}))) AND NOT has({claimed:Array(UInt64)}, speaker)
        ) AS o
        INNER JOIN names ON names.name = o.name
        GROUP BY token
    )
SELECT t.token AS token, d.kind AS kind, d.subject AS subject, d.client AS client, d.kid AS kid, nullIf(l.issued, 0) AS issuedAt,
    nullIf(u.first_at, 0) AS firstUseAt, nullIf(u.last_at, 0) AS lastUseAt, u.uses AS uses, arraySort(u.gateways) AS gateways,
    nullIf(l.used, 0) AS lastUseEverAt, nullIf(d.exp_at, 0) AS expiresAt, nullIf(l.ended, 0) AS endedAt,
    toBool(coalesce(endedAt > {now:Int64}, true) AND (d.exp_at = 0 OR d.exp_at > {now:Int64})) AS live
FROM (SELECT DISTINCT token FROM names) AS t
LEFT JOIN uses AS u ON u.token = t.token
LEFT JOIN described AS d ON d.token = t.token
LEFT JOIN lives AS l ON l.token = t.token
ORDER BY u.last_at DESC, token
