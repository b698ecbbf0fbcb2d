-- title: Lock-outs
-- description: People and services that were thrown out: a renewal failed, or a token expired in use, and the same subject logged in
--   anew at the same client shortly after. Refusals before one login are one lock-out.
-- param from Int64 as time, default now-24h: refused at or after this
-- param to Int64 as time, default now: refused before this
-- param within Int64 as duration, default 60s: how soon the new login must follow
-- param limit UInt32, default 1000: rows at most, the latest
-- times: at, loginAt
-- example: now=2026-03-10T11:00:00Z
-- chart: table
WITH
    refused AS MATERIALIZED (
        SELECT * FROM {db}.refusals FINAL
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64}
            AND first_at >= {from:Int64} AND first_at < {to:Int64} AND (token_kind = 'refresh' OR reason = 'expired')
    ),
    pairs AS (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.tok_centers AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(name) FROM refused) GROUP BY tok
    ),
    troubles AS MATERIALIZED (
        SELECT if(empty(pairs.center), r.name, pairs.center) AS token, r.sub AS sub, r.client AS client, r.gateway AS gateway,
            r.version AS version, r.reason AS reason, r.first_at AS first_at, r.last_at AS last_at, r.requests AS requests,
            if(r.token_kind = 'refresh', 'renewal failed', 'expired in use') AS cause
        FROM refused AS r LEFT JOIN pairs ON pairs.tok = r.name
    ),
    owners AS (
        SELECT name, max(sub) AS sub, max(cli) AS client FROM {db}.attributes
        WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(token) FROM troubles) AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY name
    ),
    owned AS (
        SELECT t.token AS token, if(empty(t.sub), o.sub, t.sub) AS sub, if(empty(t.client), o.client, t.client) AS client, t.gateway AS gateway,
            t.version AS version, t.reason AS reason, t.first_at AS first_at, t.last_at AS last_at, t.requests AS requests, t.cause AS cause
        FROM troubles AS t LEFT JOIN owners AS o ON o.name = t.token
    ),
    logins AS (
        SELECT sub, client, at FROM {db}.milestones
        WHERE tenant = {tenant:String} AND kind = 'token.issued' AND login = 1 AND at >= {from:Int64} AND at < {to:Int64} + {within:Int64}
            AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY sub, client, at
    )
SELECT min(t.first_at) AS at, t.sub AS subject, t.client AS client,
    argMax(t.cause, t.last_at) AS cause, argMax(t.token, t.last_at) AS token, argMax(t.reason, t.last_at) AS reason,
    argMax(t.gateway, t.last_at) AS gateway, argMax(t.version, t.last_at) AS version, sum(t.requests) AS refusals,
    t.login_at AS loginAt, loginAt - max(t.last_at) AS afterMs
FROM (
    SELECT owned.*, min(logins.at) AS login_at
    FROM owned INNER JOIN logins ON logins.sub = owned.sub AND logins.client = owned.client
    WHERE logins.at > owned.last_at AND logins.at <= owned.last_at + {within:Int64} AND NOT empty(owned.sub) AND NOT empty(owned.client)
    GROUP BY ALL
) AS t
GROUP BY subject, client, t.login_at
ORDER BY at DESC, subject
LIMIT {limit:UInt32}
