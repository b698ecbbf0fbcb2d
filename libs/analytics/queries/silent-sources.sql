-- title: Silent sources
-- description: Sources that fell silent while others went on: nothing for a multiple of the median gap between the minutes in which they
--   spoke. Silence is measured up to the latest word of any source, so that a ledger of old logs is not all silence.
-- param from Int64 as time, default now-7d: gaps are measured from here on
-- param factor Float64, default 5: silent after this many median gaps
-- times: lastAt
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=source y=silentMs
WITH
    spoke AS (
        SELECT source, arraySort(groupUniqArray(minute)) AS minutes, max(last_at) AS last_at, sum(facts) AS facts
        FROM {db}.source_minutes FINAL
        WHERE tenant = {tenant:String} AND minute >= {from:Int64} AND minute <= {now:Int64}
        GROUP BY source
    ),
    (SELECT max(last_at) FROM spoke) AS latest
SELECT source, last_at AS lastAt, least({now:Int64}, latest) - last_at AS silentMs,
    toInt64(if(length(minutes) < 2, 0, arrayReduce('medianExact', arrayPopFront(arrayDifference(minutes))))) AS medianGapMs,
    toBool(length(minutes) >= 2 AND silentMs > {factor:Float64} * greatest(medianGapMs, 60000)) AS silent, facts
FROM spoke
ORDER BY silent DESC, silentMs DESC, source
