-- title: Rejections by reason and version
-- description: Refusals of tokens (who are you; not may you, and nothing of dark launches) by version and reason, with the distinct tokens,
--   for retries multiply requests, and the share of that version's requests.
-- param from Int64 as time, default now-24h: at or after this; counts whole minutes
-- param to Int64 as time, default now: before this
-- param gateway String, default any: at this gateway alone
-- param limit UInt32, default 1000: rows at most, those with the most tokens
-- times: first, last
-- example: now=2026-03-10T11:00:00Z
-- chart: bars x=version y=tokens series=reason
WITH totals AS (
    SELECT version, sum(uses) AS uses FROM {db}.use_minutes
    WHERE tenant = {tenant:String} AND minute >= {from:Int64} - positiveModulo({from:Int64}, 60000) AND minute < {to:Int64}
        AND outcome IN ('accepted', 'refused') AND ({gateway:String} = '' OR gateway = {gateway:String})
    GROUP BY version
)
SELECT r.version AS version, r.reason AS reason, r.tokens AS tokens, r.requests AS requests,
    round(r.requests / totals.uses, 6) AS share, r.gateways AS gateways, r.first AS first, r.last AS last
FROM (
    SELECT version, if(reason = '', 'none given', reason) AS reason, uniqExact(name) AS tokens, sum(requests) AS requests,
        arraySort(groupUniqArray(gateway)) AS gateways, min(first_at) AS first, max(last_at) AS last
    FROM {db}.refusals FINAL
    WHERE tenant = {tenant:String} AND minute >= {from:Int64} - positiveModulo({from:Int64}, 60000) AND minute < {to:Int64}
        AND ({gateway:String} = '' OR gateway = {gateway:String})
    GROUP BY version, reason
) AS r
LEFT JOIN totals ON totals.version = r.version
ORDER BY tokens DESC, version, reason
LIMIT {limit:UInt32}
