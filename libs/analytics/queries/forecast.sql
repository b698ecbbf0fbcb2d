-- title: Forecast of expiries or renewals
-- description: What the next hours will bring, with the error of the method on the past week. Four methods are tried on each hour of the past week,
--   each with what was known at least 24 h before: the same hour a week ago, the same hour a day ago, the mean of that hour of the
--   week over three weeks, and the mean of that hour of the day over seven days. The one with the smallest error is used (a tie takes
--   the first). For expiries, an hour for which more is known ahead, from tokens already issued and not ended, is expected to bring that.
--   The error is the sum of the misses as a share of what happened (WAPE).
-- param what String as expiries|renewals, default expiries: what is counted
-- param hours UInt32, default 24: how many hours ahead, at most 24
-- times: at
-- example: now=2026-03-10T11:00:00Z what=renewals
-- chart: line x=at y=expected,knownAhead
WITH
    {now:Int64} - positiveModulo({now:Int64}, 3600000) AS hour0,
    hour0 - 672 * 3600000 AS since,
    least({hours:UInt32}, 24) AS ahead,
    -- Hours are numbered from the oldest: 0 to 671 are past, 672 is the one under way.
    dues AS MATERIALIZED (
        SELECT a.name AS name, min(a.exp_at) AS exp_at FROM {db}.attributes AS a
        WHERE {what:String} = 'expiries' AND a.tenant = {tenant:String} AND a.exp_kind = 'at' AND a.exp_at >= since
            AND a.exp_at < hour0 + 25 * 3600000 AND NOT has({claimed:Array(UInt64)}, a.speaker)
        GROUP BY name
    ),
    counted AS (
        SELECT intDiv(exp_at - since, 3600000) AS hour, count() AS n FROM dues WHERE exp_at < hour0 GROUP BY hour
        UNION ALL
        SELECT intDiv(at - since, 3600000) AS hour, count() AS n FROM {db}.milestones FINAL
        WHERE {what:String} = 'renewals' AND tenant = {tenant:String} AND kind IN ('token.renewed', 'token.rotated') AND at >= since AND at < hour0
            AND NOT has({claimed:Array(UInt64)}, speaker)
        GROUP BY hour
    ),
    known AS (
        SELECT intDiv(exp_at - since, 3600000) AS hour, count() AS n FROM dues
        WHERE exp_at >= hour0 AND exp_at > {now:Int64} AND name NOT IN (
            SELECT name FROM {db}.onsets
            WHERE tenant = {tenant:String} AND kind IN ('revoked', 'compromised', 'rotated', 'consumed') AND at <= {now:Int64}
                AND toUInt128(name) IN (SELECT toUInt128(name) FROM dues WHERE exp_at >= hour0) AND NOT has({claimed:Array(UInt64)}, speaker)
        )
        GROUP BY hour
    ),
    (SELECT groupArrayInsertAt(0, 672)(n, toUInt32(hour)) FROM counted) AS y,
    (SELECT groupArrayInsertAt(0, 25)(n, toUInt32(hour - 672)) FROM known) AS future,
    -- What each method says of the hours 504 to 695, each from hours at least 24 before it; y[h + 1] is hour h.
    arrayMap(n -> toFloat64(n), arraySlice(y, 337, 192)) AS week,
    arrayMap(n -> toFloat64(n), arraySlice(y, 481, 192)) AS day,
    arrayMap((a, b, c) -> (a + b + c) / 3, arraySlice(y, 337, 192), arraySlice(y, 169, 192), arraySlice(y, 1, 192)) AS weeks,
    arrayMap((a, b, c, d, e, f, g) -> (a + b + c + d + e + f + g) / 7, arraySlice(y, 481, 192), arraySlice(y, 457, 192), arraySlice(y, 433, 192),
        arraySlice(y, 409, 192), arraySlice(y, 385, 192), arraySlice(y, 361, 192), arraySlice(y, 337, 192)) AS days,
    arraySlice(y, 505, 168) AS actual,
    [week, day, weeks, days] AS methods,
    arrayMap(m -> arraySum(arrayMap((p, a) -> abs(p - a), arraySlice(m, 1, 168), actual)), methods) AS misses,
    indexOf(misses, arrayMin(misses)) AS best
SELECT since + h * 3600000 AS at, round(greatest(methods[best][h - 503], toFloat64(coalesce(knownAhead, 0))), 2) AS expected,
    if({what:String} = 'expiries', future[h - 671], null) AS knownAhead,
    ['same hour a week ago', 'same hour a day ago', 'mean of three weeks', 'mean of seven days'][best] AS method,
    round(misses[best] / nullIf(arraySum(actual), 0), 4) AS errorPastWeek,
    round(misses[best] / 168, 3) AS missPerHour, arraySum(actual) AS happenedPastWeek
FROM (SELECT arrayJoin(range(toUInt32(672), toUInt32(672 + ahead))) AS h)
ORDER BY at
