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

SELECT groupArray(version) AS versions, groupArray(scope) AS scopes, groupArray(on) AS activations
FROM (
    SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, min(first) AS on
    FROM (
        SELECT version, gateway, region, min(minute) AS first, 1 AS sighted FROM {db}.rollup_minute
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 86400000 AND minute < {to:Int64} AND version != ''
            AND outcome IN ('accepted', 'refused')
        GROUP BY version, gateway, region
        UNION ALL
        SELECT version, gateway, region, from_at AS first, 0 AS sighted FROM {db}.intervals FINAL
        WHERE tenant = {tenant:String} AND inferred = 0 AND from_at >= {from:Int64} AND from_at < {to:Int64}
    )
    GROUP BY version, scope
    HAVING on >= {from:Int64} - positiveModulo({from:Int64}, 60000) OR min(sighted) = 0
)
-- then, given versions Array(String), scopes Array(String), activations Array(Int64):
SELECT groupUniqArray(name) AS names
FROM {db}.refusals
WHERE tenant = {tenant:String} AND notEmpty({versions:Array(String)}) AND version != '' AND minute < {to:Int64}
    AND minute >= arrayMin(arrayPushFront({activations:Array(Int64)}, {to:Int64})) - {before:Int64}
-- then, given names Array(UUID):
WITH
    centers AS (
        SELECT p.tok AS tok, any(p.center) AS center FROM {db}.tok_centers AS p
        WHERE p.tenant = {tenant:String} AND toUInt128(p.tok) IN (SELECT toUInt128(arrayJoin({names:Array(UUID)}))) GROUP BY tok
    ),
    tokens AS (
        SELECT DISTINCT if(empty(centers.center), n.name, centers.center) AS token
        FROM (SELECT arrayJoin({names:Array(UUID)}) AS name) AS n LEFT JOIN centers ON centers.tok = n.name
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
    )
SELECT groupArray(token) AS owned, groupArray(ended_at) AS ends, groupArray(client) AS clients
-- When each token ended, or expired; and whose it is, for a line that refuses shows no verified claims.
FROM (
    SELECT names.token AS token, minIf(e.at, e.at != 0) AS ended_at, max(e.client) AS client
    FROM (
        SELECT name, at, toUUID('00000000-0000-0000-0000-000000000000') AS client FROM {db}.onsets
        WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(arrayJoin({raws:Array(UUID)})))
            AND kind IN ('revoked', 'compromised', 'rotated', 'consumed') AND NOT has({claimed:Array(UInt64)}, speaker)
        UNION ALL
        SELECT name, if(exp_kind = 'at', exp_at, 0) AS at, cli AS client FROM {db}.attributes
        WHERE tenant = {tenant:String} AND toUInt128(name) IN (SELECT toUInt128(arrayJoin({raws:Array(UUID)})))
            AND NOT has({claimed:Array(UInt64)}, speaker)
    ) AS e
    INNER JOIN names ON names.name = e.name
    GROUP BY token
)
-- then, given owned Array(UUID), ends Array(Int64), clients Array(UUID):
WITH
    activated AS (
        SELECT each.1 AS version, each.2 AS scope, each.3 AS on
        FROM (SELECT arrayJoin(arrayZip({versions:Array(String)}, {scopes:Array(String)}, {activations:Array(Int64)})) AS each)
    ),
    names AS (
        SELECT each.1 AS name, each.2 AS token FROM (SELECT arrayJoin(arrayZip({raws:Array(UUID)}, {tokens:Array(UUID)})) AS each)
    ),
    owners AS (
        SELECT each.1 AS token, each.2 AS ended_at, each.3 AS client
        FROM (SELECT arrayJoin(arrayZip({owned:Array(UUID)}, {ends:Array(Int64)}, {clients:Array(UUID)})) AS each)
    ),
    strata AS (
        SELECT a.version AS version, a.scope AS scope,
            toFloat64(sumIf(m.uses, m.version = a.version AND m.scope = a.scope AND m.minute >= a.on - 60000)) AS n1,
            toFloat64(sumIf(m.uses, m.version = a.version AND m.scope = a.scope AND m.minute >= a.on - 60000 AND m.outcome = 'refused')) AS r1,
            toFloat64(sumIf(m.uses, m.version != a.version)) AS n0,
            toFloat64(sumIf(m.uses, m.version != a.version AND m.outcome = 'refused')) AS r0,
            n1 + n0 AS n, r1 + r0 AS r
        FROM (
            SELECT version, multiIf({scope:String} = 'gateway', gateway, {scope:String} = 'region', region, 'all') AS scope, client, region,
                minute, outcome, uses
            FROM {db}.rollup_minute FINAL
            WHERE tenant = {tenant:String} AND version != '' AND outcome = 'accepted' AND minute < {to:Int64}
                AND minute >= arrayMin(arrayPushFront({activations:Array(Int64)}, {to:Int64})) - {before:Int64}
            UNION ALL
            SELECT r.version, multiIf({scope:String} = 'gateway', r.gateway, {scope:String} = 'region', r.region, 'all') AS scope,
                if(empty(r.client), owners.client, r.client) AS client, r.region, r.minute, 'refused' AS outcome, r.requests AS uses
            FROM (
                SELECT * FROM {db}.refusals FINAL
                WHERE tenant = {tenant:String} AND version != '' AND minute < {to:Int64}
                    AND minute >= arrayMin(arrayPushFront({activations:Array(Int64)}, {to:Int64})) - {before:Int64}
            ) AS r
            INNER JOIN names ON names.name = r.name
            LEFT JOIN owners ON owners.token = names.token
            WHERE owners.ended_at = 0 OR owners.ended_at > r.first_at
        ) AS m
        CROSS JOIN activated AS a
        WHERE m.minute >= a.on - {before:Int64} AND m.minute < a.on + {within:Int64}
        GROUP BY version, scope, m.client, m.region
    ),
    tested AS (
        SELECT version, scope, sum(n1) AS validations, sum(r1) AS refusals, sum(n0) AS baseline, sum(r0) AS baseline_refusals,
            sumIf(n1 * n0 / n * (r1 / n1 - r0 / n0), n1 > 0 AND n0 > 0) / nullIf(sumIf(n1 * n0 / n, n1 > 0 AND n0 > 0), 0) AS difference,
            sumIf(r1 - n1 * r / n, n1 > 0 AND n0 > 0) / nullIf(sqrt(sumIf(n1 * n0 * r * (n - r) / (n * n * (n - 1)), n1 > 0 AND n0 > 0)), 0) AS z
        FROM strata
        GROUP BY version, scope
    )
SELECT groupArray(version) AS judged, groupArray(scope) AS judgedScopes, groupArray(validations) AS validations, groupArray(refusals) AS refusals,
    groupArray(baseline) AS baselines, groupArray(baseline_refusals) AS baselineRefusals, groupArray(coalesce(difference, 0)) AS differences,
    groupArray(coalesce(z, 0)) AS scores
FROM tested
-- then, given judged Array(String), judgedScopes Array(String), validations Array(Float64), refusals Array(Float64), baselines Array(Float64), baselineRefusals Array(Float64), differences Array(Float64), scores Array(Float64):
SELECT groupArray(took.1) AS tookVersions, groupArray(took.2) AS tookScopes, groupArray(took.3) AS tookAt
-- Tokens of another version that one took without fuss.
FROM (
    SELECT arrayJoin(arrayFilter(
        t -> t.1 IN {versions:Array(String)} AND arrayExists(o -> o.1 != t.1 AND o.3 < t.3, list), list)) AS took
    FROM (
        SELECT o.name AS name, groupArray((toString(o.version), if({scope:String} = 'gateway', toString(o.gateway), 'all'), o.at)) AS list
        FROM {db}.onsets AS o
        WHERE o.tenant = {tenant:String} AND o.kind = 'accepted' AND o.version != ''
            AND o.last_at >= arrayMin(arrayPushFront({activations:Array(Int64)}, {to:Int64})) - {before:Int64}
            AND toUInt128(o.name) NOT IN (SELECT toUInt128(arrayJoin({raws:Array(UUID)})))
        GROUP BY name
        HAVING uniqExact(o.version) > 1
    )
)
-- then, given tookVersions Array(String), tookScopes Array(String), tookAt Array(Int64):
WITH
    activated AS (
        SELECT each.1 AS version, each.2 AS scope, each.3 AS on
        FROM (SELECT arrayJoin(arrayZip({versions:Array(String)}, {scopes:Array(String)}, {activations:Array(Int64)})) AS each)
    ),
    names AS (
        SELECT each.1 AS name, each.2 AS token FROM (SELECT arrayJoin(arrayZip({raws:Array(UUID)}, {tokens:Array(UUID)})) AS each)
    ),
    owners AS (
        SELECT each.1 AS token, each.2 AS ended_at, each.3 AS client
        FROM (SELECT arrayJoin(arrayZip({owned:Array(UUID)}, {ends:Array(Int64)}, {clients:Array(UUID)})) AS each)
    ),
    refused AS (
        SELECT r.version AS version, multiIf({scope:String} = 'gateway', r.gateway, {scope:String} = 'region', r.region, 'all') AS scope,
            names.token AS token, any(a.on) AS on, min(r.first_at) AS first, sum(r.requests) AS requests,
            groupUniqArray(if(r.reason = '', 'none given', r.reason)) AS reasons, groupUniqArray(r.gateway) AS gateways, any(r.source) AS source
        FROM (
            SELECT * FROM {db}.refusals FINAL
            WHERE tenant = {tenant:String} AND minute >= {from:Int64} - 60000 AND minute < {to:Int64} AND first_at < {to:Int64}
                AND version IN {versions:Array(String)}
        ) AS r
        INNER JOIN names ON names.name = r.name
        INNER JOIN activated AS a
            ON a.version = r.version AND a.scope = multiIf({scope:String} = 'gateway', r.gateway, {scope:String} = 'region', r.region, 'all')
        WHERE r.first_at >= a.on AND r.first_at < a.on + {within:Int64}
        GROUP BY version, scope, token
    ),
    uses AS (
        SELECT names.token AS token, groupArray((u.version, multiIf({scope:String} = 'gateway', u.gateway, {scope:String} = 'region', u.region, 'all'),
            u.outcome, u.first_at, u.last_at)) AS list
        FROM (
            SELECT name, version, gateway, region, outcome, first_at, last_at FROM {db}.token_minutes
            WHERE tenant = {tenant:String} AND name IN (SELECT arrayJoin({raws:Array(UUID)})) AND outcome IN ('accepted', 'refused')
                AND minute >= {from:Int64} - {before:Int64} - 60000 AND minute < {to:Int64}
        ) AS u
        INNER JOIN names ON names.name = u.name
        GROUP BY token
    ),
    victims AS (
        SELECT r.version AS version, r.scope AS scope, r.on AS on, r.token AS token, r.first AS first, r.requests AS requests, r.reasons AS reasons,
            r.gateways AS gateways, r.source AS source,
            arrayFilter(u -> u.1 != version AND u.5 < first AND u.5 >= first - {before:Int64}, uses.list) AS just_before,
            arrayMax(u -> u.5, arrayPushFront(arrayFilter(u -> u.3 = 'accepted', just_before), ('', '', '', 0, 0))) AS accepted_before,
            arrayMax(u -> u.5, arrayPushFront(arrayFilter(u -> u.3 = 'refused', just_before), ('', '', '', 0, 0))) AS refused_before,
            accepted_before > refused_before
                AND NOT arrayExists(u -> u.3 = 'accepted' AND u.1 = version AND u.2 = scope AND u.4 >= on AND u.4 < first, uses.list) AS is_locked_out,
            arrayFilter(u -> u.3 = 'accepted' AND u.5 > first, uses.list) AS later,
            if(empty(later), null, arrayMin(u -> if(u.4 > first, u.4, u.5), later)) AS recovered_at
        FROM refused AS r
        LEFT JOIN uses ON uses.token = r.token
        LEFT JOIN owners ON owners.token = r.token
        WHERE owners.ended_at = 0 OR owners.ended_at > r.first
    ),
    found AS (
        SELECT version, scope, any(on) AS activation, count() AS all_tokens, countIf(is_locked_out) AS locked_out, min(first) AS start_at,
            max(first) AS last_first, min(recovered_at) AS end_at, sum(requests) AS all_requests,
            countIf(refused_before > 0) AS before_refused, count(recovered_at) AS recoveries,
            arraySort(groupUniqArrayArray(reasons)) AS all_reasons, arraySort(groupUniqArrayArray(gateways)) AS all_gateways,
            any(source) AS a_source, arraySlice(arraySort(groupArray(token)), 1, 20) AS some_names
        FROM victims
        GROUP BY version, scope
    ),
    tested AS (
        SELECT each.1 AS version, each.2 AS scope, each.3 AS validations, each.4 AS refusals, each.5 AS baseline, each.6 AS baseline_refusals,
            each.7 AS difference, each.8 AS z
        FROM (SELECT arrayJoin(arrayZip({judged:Array(String)}, {judgedScopes:Array(String)}, {validations:Array(Float64)}, {refusals:Array(Float64)},
            {baselines:Array(Float64)}, {baselineRefusals:Array(Float64)}, {differences:Array(Float64)}, {scores:Array(Float64)})) AS each)
    ),
    unharmed AS (
        SELECT each.1 AS version, each.2 AS scope, groupArray(each.3) AS instants
        FROM (SELECT arrayJoin(arrayZip({tookVersions:Array(String)}, {tookScopes:Array(String)}, {tookAt:Array(Int64)})) AS each)
        GROUP BY version, scope
    )
SELECT * EXCEPT (small, large)
FROM (
    SELECT if(has({sources:Array(String)}, f.a_source), {components:Array(String)}[indexOf({sources:Array(String)}, f.a_source)], '') AS component,
        f.version AS version, f.scope AS scope,
        toBool(f.locked_out >= {minTokens:UInt32} AND NOT arrayExists(at -> at >= f.activation AND at <= f.last_first, unharmed.instants)) AS small,
        toBool(coalesce(tested.validations >= {minValidations:UInt32} AND tested.difference >= {minDifference:Float64} AND tested.z > 0
            AND erfc(tested.z / sqrt(2)) < {maxP:Float64} AND f.all_tokens > 1, false)) AS large,
        multiIf(small AND large, 'both', small, 'small', 'large') AS form,
        f.activation AS activatedAt, f.start_at AS startAt, f.end_at AS endAt, f.all_tokens AS tokens, f.all_requests AS requests,
        f.before_refused AS refusedBefore, f.recoveries AS recovered, f.all_tokens - f.recoveries AS unresolved, f.all_reasons AS reasons,
        f.all_gateways AS gateways, tested.validations AS validations, tested.refusals AS refused, tested.baseline AS baselineValidations,
        tested.baseline_refusals AS baselineRefused, round(tested.difference, 6) AS difference, erfc(tested.z / sqrt(2)) AS pValue,
        f.some_names AS names
    FROM found AS f
    LEFT JOIN unharmed ON unharmed.version = f.version AND unharmed.scope = if({scope:String} = 'region', 'all', f.scope)
    LEFT JOIN tested ON tested.version = f.version AND tested.scope = f.scope
)
WHERE small OR large
ORDER BY startAt, version, scope
