-- title: Tokens invalidated
-- description: Tokens ended before their time, over time: revoked, compromised or suspended one by one, or with their family.
--   Ends of a whole subject, client or key (fences) are statements whose tokens `tally state` counts; their `tokens` is empty.
-- param from Int64 as time, default now-24h: stated to have happened at or after this
-- param to Int64 as time, default now: and before this
-- param step String as minute|hour|day, default hour: width of a step
-- param by String as cause|kind|issuer|scope|none, default cause: what the ends are told apart by
-- times: at
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=at y=tokens series=series
WITH
    transform({step:String}, ['minute', 'hour', 'day'], [60000, 3600000, 86400000], 3600000) AS width,
    families AS MATERIALIZED (
        SELECT w.at AS at, w.cause AS cause, w.scope AS scope, w.issuer AS issuer, w.position AS position, labels.label AS family
        FROM (
            SELECT time AS at, cause, scope, issuer, position, if(empty(fam), name, fam) AS fam
            FROM {db}.world_facts FINAL
            WHERE tenant = {tenant:String} AND kind = 'family.revoked' AND time >= {from:Int64} AND time < {to:Int64}
                AND NOT has({claimed:Array(UInt64)}, speaker)
        ) AS w
        LEFT JOIN (
            SELECT member, argMax(label, position) AS label FROM {db}.family_labels WHERE tenant = {tenant:String} GROUP BY member
        ) AS labels ON labels.member = w.fam
    ),
    members AS (
        SELECT label, groupArrayIf(member, substring(hex(member), 1, 1) IN ('2', '3', '4')) AS tokens
        FROM (
            SELECT member, argMax(label, position) AS label FROM {db}.family_labels WHERE tenant = {tenant:String} GROUP BY member
        )
        WHERE label IN (SELECT family FROM families)
        GROUP BY label
    ),
    ends AS (
        SELECT at, kind, cause, scope, issuer, [name] AS tokens
        FROM {db}.milestones FINAL
        WHERE tenant = {tenant:String} AND kind IN ('token.revoked', 'token.compromised', 'token.suspended')
            AND at >= {from:Int64} AND at < {to:Int64} AND NOT has({claimed:Array(UInt64)}, speaker)
        UNION ALL
        SELECT families.at, 'family.revoked', families.cause, families.scope, families.issuer, members.tokens
        FROM families LEFT JOIN members ON members.label = families.family
        UNION ALL
        SELECT time, kind, cause, scope, issuer, [] AS tokens
        FROM {db}.world_facts FINAL
        WHERE tenant = {tenant:String} AND kind IN ('fence.raised', 'subject.suspended', 'key.compromised')
            AND time >= {from:Int64} AND time < {to:Int64} AND NOT has({claimed:Array(UInt64)}, speaker)
    )
SELECT e.at - positiveModulo(e.at, width) AS at,
    multiIf({by:String} = 'cause', if(e.cause = '', e.kind, e.cause), {by:String} = 'kind', e.kind, {by:String} = 'issuer', e.issuer,
        {by:String} = 'scope', e.scope, 'all') AS series,
    nullIf(uniqExactArray(e.tokens), 0) AS tokens, count() AS statements
FROM ends AS e
GROUP BY at, series
ORDER BY at, series
