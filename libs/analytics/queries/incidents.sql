-- title: Incidents after an activation
-- description: Mass rejection after a version took over (D9): one row a component, version and scope, from the first refusal to the first recovery.
--   Two forms. Small: at least five distinct tokens that the version before had just accepted were all refused after the
--   switch, and no other token that came over was accepted meanwhile. Large: the version refuses more than the others, by a
--   two-proportion test stratified by client and region (Cochran-Mantel-Haenszel), p < 0.001, at least 50 validations under it, a
--   difference of at least one percentage point, and more than one token. Tokens that had expired or ended, *may you* refusals and dark
--   launches do not count. A version was activated in the window if it was not in use in the day before, or if an activation says so.
-- param from Int64 as time, default now-24h: activated at or after this
-- param to Int64 as time, default now: and refused before this
-- param scope String as all|gateway|region, default all: what a version is judged for
-- param before Int64 as duration, default 1h: how long before its first refusal a token's last acceptance counts as just before
-- param within Int64 as duration, default 6h: how long after an activation refusals are put down to it
-- param minTokens UInt32, default 5: tokens of the small form
-- param minValidations UInt32, default 50: validations of the large form
-- param minDifference Float64, default 0.01: difference of the large form
-- param maxP Float64, default 0.001: p of the large form
-- times: activatedAt, startAt, endAt
-- example: now=2026-03-10T11:00:00Z
-- chart: table
WITH
    seen AS (
        SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, min(minute) AS first
        FROM {db}.rollup_minute
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 86400000 AND minute < {to:Int64} AND version != ''
            AND outcome IN ('accepted', 'refused')
        GROUP BY version, scope
    ),
    activated AS MATERIALIZED (
        SELECT version, scope, min(first) AS on
        FROM (
            SELECT version, scope, first FROM seen WHERE first >= {from:Int64} - positiveModulo({from:Int64}, 60000)
            UNION ALL
            SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, from_at AS first
            FROM {db}.intervals
            WHERE tenant = {tenant:String} AND inferred = 0 AND from_at >= {from:Int64} AND from_at < {to:Int64}
        )
        GROUP BY version, scope
    ),
    refusing AS MATERIALIZED (
        SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, gateway, name,
            reason, source, first_at, last_at, requests
        FROM {db}.refusals FINAL
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64} AND first_at < {to:Int64} AND version != ''
    ),
    pairs AS MATERIALIZED (
        SELECT tok, any(c) AS center
        FROM (
            SELECT p.tok AS tok, p.center AS c FROM {db}.name_pairs AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.center) IN (SELECT toUInt128(name) FROM refusing)
            UNION ALL
            SELECT p.tok AS tok, p.center AS c FROM {db}.tok_centers AS p
            WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(name) FROM refusing)
        )
        GROUP BY tok
    ),
    refused AS MATERIALIZED (
        SELECT r.version AS version, r.scope AS scope, if(empty(pairs.center), r.name, pairs.center) AS token,
            any(a.on) AS on, min(r.first_at) AS first, max(r.last_at) AS last, sum(r.requests) AS requests,
            groupUniqArray(if(r.reason = '', 'none given', r.reason)) AS reasons, groupUniqArray(r.gateway) AS gateways, any(r.source) AS source
        FROM refusing AS r
        INNER JOIN activated AS a ON a.version = r.version AND a.scope = r.scope
        LEFT JOIN pairs ON pairs.tok = r.name
        WHERE r.first_at >= a.on AND r.first_at < a.on + {within:Int64}
        GROUP BY version, scope, token
    ),
    names AS MATERIALIZED (
        SELECT token AS name, token FROM refused
        UNION DISTINCT
        SELECT pairs.tok, pairs.center FROM pairs WHERE pairs.center IN (SELECT token FROM refused)
    ),
    uses AS (
        SELECT names.token AS token, u.version AS version,
            multiIf({scope:String} = 'gateway', u.gateway, {scope:String} = 'region', u.region, 'all') AS scope,
            u.outcome AS outcome, u.first_at AS first_at, u.last_at AS last_at
        FROM (
            SELECT name, version, gateway, region, outcome, first_at, last_at FROM {db}.token_minutes
            WHERE tenant = {tenant:String} AND name IN (SELECT name FROM names) AND outcome IN ('accepted', 'refused')
                AND minute >= {from:Int64} - {before:Int64} - 60000 AND minute < {to:Int64}
        ) AS u
        INNER JOIN names ON names.name = u.name
    ),
    ends AS (
        SELECT token, min(at) AS ended_at
        FROM (
            SELECT names.token AS token, o.at AS at
            FROM (
                SELECT name, at FROM {db}.onsets
                WHERE tenant = {tenant:String} AND kind IN ('revoked', 'compromised', 'rotated', 'consumed') AND toUInt128(name) IN (SELECT toUInt128(name) FROM names)
                    AND NOT has({claimed:Array(UInt64)}, speaker)
            ) AS o
            INNER JOIN names ON names.name = o.name
            UNION ALL
            SELECT names.token AS token, a.exp_at AS at
            FROM (
                SELECT name, exp_at FROM {db}.attributes
                WHERE tenant = {tenant:String} AND exp_kind = 'at' AND toUInt128(name) IN (SELECT toUInt128(name) FROM names) AND NOT has({claimed:Array(UInt64)}, speaker)
            ) AS a
            INNER JOIN names ON names.name = a.name
        )
        GROUP BY token
    ),
    lived AS (
        SELECT r.version AS version, r.scope AS scope, r.token AS token,
            maxIf(u.last_at, u.outcome = 'accepted' AND u.version != r.version AND u.last_at < r.first AND u.last_at >= r.first - {before:Int64}) AS accepted_before,
            maxIf(u.last_at, u.outcome = 'refused' AND u.version != r.version AND u.last_at < r.first AND u.last_at >= r.first - {before:Int64}) AS refused_before,
            countIf(u.outcome = 'accepted' AND u.version = r.version AND u.scope = r.scope AND u.first_at < r.first AND u.first_at >= r.on) AS came_over,
            minIf(if(u.first_at > r.first, u.first_at, u.last_at), u.outcome = 'accepted' AND u.last_at > r.first) AS recovered_at
        FROM refused AS r
        INNER JOIN uses AS u ON u.token = r.token
        GROUP BY version, scope, token
    ),
    victims AS (
        SELECT r.version AS version, r.scope AS scope, r.token AS token, r.on AS on, r.first AS first, r.last AS last, r.requests AS requests,
            r.reasons AS reasons, r.gateways AS gateways, r.source AS source, l.refused_before AS refused_before, l.recovered_at AS recovered_at,
            l.accepted_before > l.refused_before AND l.came_over = 0 AS is_locked_out
        FROM refused AS r
        LEFT JOIN lived AS l ON l.version = r.version AND l.scope = r.scope AND l.token = r.token
        LEFT JOIN ends AS e ON e.token = r.token
        WHERE e.ended_at = 0 OR e.ended_at > r.first
    ),
    found AS MATERIALIZED (
        SELECT version, scope, any(on) AS on, count() AS tokens, countIf(is_locked_out) AS locked_out, min(first) AS start_at,
            max(first) AS last_first, nullIf(minIf(recovered_at, recovered_at > 0), 0) AS end_at, sum(requests) AS requests,
            countIf(refused_before > 0) AS refused_before, countIf(recovered_at > 0) AS recovered,
            arraySort(groupUniqArrayArray(reasons)) AS reasons, arraySort(groupUniqArrayArray(gateways)) AS gateways, any(source) AS source,
            arraySlice(arraySort(groupArray(token)), 1, 20) AS names
        FROM victims
        GROUP BY version, scope
    ),
    -- Tokens of an earlier version that the new one took without fuss, before all victims had come.
    unharmed AS (
        SELECT o.version AS version, o.scope AS scope, uniqExact(o.name) AS tokens
        FROM (
            SELECT name, version, multiIf({scope:String} = 'gateway', gateway, 'all') AS scope, min(at) AS at
            FROM {db}.onsets
            WHERE tenant = {tenant:String} AND kind = 'accepted' AND version IN (SELECT version FROM found)
                AND name NOT IN (SELECT name FROM names)
            GROUP BY name, version, scope
        ) AS o
        INNER JOIN found AS f ON f.version = o.version AND (f.scope = o.scope OR {scope:String} = 'region')
        WHERE o.at >= f.on AND o.at <= f.last_first AND o.name IN (
            SELECT name FROM {db}.onsets
            WHERE tenant = {tenant:String} AND kind = 'accepted' AND version != '' AND version NOT IN (SELECT version FROM found)
        )
        GROUP BY version, scope
    ),
    strata AS (
        SELECT f.version AS version, f.scope AS scope, m.client AS client, m.region AS region,
            sumIf(m.uses, m.version = f.version AND m.scope = f.scope AND m.minute >= f.on - 60000) AS n1,
            sumIf(m.uses, m.version = f.version AND m.scope = f.scope AND m.minute >= f.on - 60000 AND m.outcome = 'refused') AS r1,
            sumIf(m.uses, m.version != f.version) AS n0,
            sumIf(m.uses, m.version != f.version AND m.outcome = 'refused') AS r0
        FROM (
            SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, client, region,
                minute, outcome, sum(uses) AS uses
            FROM {db}.rollup_minute FINAL
            WHERE tenant = {tenant:String} AND minute >= (SELECT min(on) FROM found) - {before:Int64} AND minute < {to:Int64} AND version != ''
                AND outcome IN ('accepted', 'refused')
            GROUP BY version, scope, client, region, minute, outcome
        ) AS m
        CROSS JOIN found AS f
        WHERE m.minute >= f.on - {before:Int64} AND m.minute < f.on + {within:Int64}
        GROUP BY version, scope, client, region
    ),
    tested AS (
        SELECT version, scope, sum(n1) AS validations, sum(r1) AS refusals, sum(n0) AS baseline, sum(r0) AS baseline_refusals,
            sumIf(n1 * n0 / (n1 + n0) * (r1 / n1 - r0 / n0), n1 > 0 AND n0 > 0) / nullIf(sumIf(n1 * n0 / (n1 + n0), n1 > 0 AND n0 > 0), 0) AS difference,
            sumIf(r1 - n1 * (r1 + r0) / (n1 + n0), n1 > 0 AND n0 > 0)
                / nullIf(sqrt(sumIf(n1 * n0 * (r1 + r0) * (n1 + n0 - r1 - r0) / (pow(n1 + n0, 2) * greatest(n1 + n0 - 1, 1)), n1 > 0 AND n0 > 0)), 0) AS z
        FROM strata
        GROUP BY version, scope
    )
SELECT if(indexOf({sources:Array(String)}, f.source) = 0, 'gateway', {components:Array(String)}[indexOf({sources:Array(String)}, f.source)]) AS component,
    f.version AS version, f.scope AS scope,
    f.locked_out >= {minTokens:UInt32} AND unharmed.tokens = 0 AS small,
    tested.validations >= {minValidations:UInt32} AND tested.difference >= {minDifference:Float64} AND tested.z > 0
        AND erfc(tested.z / sqrt(2)) < {maxP:Float64} AND f.tokens > 1 AS large,
    multiIf(small AND large, 'both', small, 'small', 'large') AS form,
    f.on AS activatedAt, f.start_at AS startAt, f.end_at AS endAt, f.tokens AS tokens, f.requests AS requests, f.refused_before AS refusedBefore,
    f.recovered AS recovered, f.tokens - f.recovered AS unresolved, f.reasons AS reasons, f.gateways AS gateways,
    tested.validations AS validations, tested.refusals AS refused, tested.baseline AS baselineValidations,
    tested.baseline_refusals AS baselineRefused,
    round(tested.difference, 6) AS difference, erfc(tested.z / sqrt(2)) AS pValue, f.names AS names
FROM found AS f
LEFT JOIN unharmed ON unharmed.version = f.version AND unharmed.scope = f.scope
LEFT JOIN tested ON tested.version = f.version AND tested.scope = f.scope
WHERE small OR large
ORDER BY startAt, version, scope
