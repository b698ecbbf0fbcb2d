-- What as-of questions read instead of all facts. Onsets: for each kind the effective times of a token's facts.
CREATE TABLE {db}.onsets (
    tenant LowCardinality(String),
    name UUID,
    -- issued, accepted, rotated, consumed, expired, revoked, compromised, and what makes a token known without one of
    -- these: refused, observed.
    kind LowCardinality(String),
    speaker UInt64,
    gateway LowCardinality(String),
    version LowCardinality(String),
    cause LowCardinality(String),
    scope LowCardinality(String),
    successor UUID,
    -- The smallest effective time: of each batch one row, until parts are merged.
    at SimpleAggregateFunction(min, Int64),
    last_at SimpleAggregateFunction(max, Int64),
    -- How far the latest-dated of these facts is dated after it was recorded; negative for what lies in the past.
    ahead SimpleAggregateFunction(max, Int64),
    -- A row that lies wholly after K is not known at K; one that K cuts says nothing about K.
    first_position SimpleAggregateFunction(min, UInt64),
    last_position SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, toUInt128(name), kind, speaker, gateway, version, cause, scope, successor)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 4096;

CREATE MATERIALIZED VIEW {db}.onsets_of_facts TO {db}.onsets AS
SELECT tenant, name, onset AS kind, speaker, gateway, version,
    if(onset IN ('revoked', 'compromised', 'consumed'), cause, '') AS cause,
    if(onset = 'revoked', scope, '') AS scope,
    if(onset = 'rotated', successor, toUUID('00000000-0000-0000-0000-000000000000')) AS successor,
    min(if(onset IN ('accepted', 'refused', 'observed'), facts.first_at, time)) AS at,
    max(if(onset IN ('accepted', 'refused', 'observed'), facts.last_at, time)) AS last_at,
    max(time - recorded_at) AS ahead, min(position) AS first_position, max(position) AS last_position
FROM {db}.facts
ARRAY JOIN arrayFilter(each -> each != '', [
    outcome,
    transform(facts.kind,
        ['token.issued', 'token.reissued', 'token.exchanged', 'token.rotated', 'token.consumed', 'token.expired', 'token.revoked', 'token.compromised'],
        ['issued', 'issued', 'issued', 'rotated', 'consumed', 'expired', 'revoked', 'compromised'], '')
]) AS onset
-- A use in a dark launch says nothing of its token.
WHERE startsWith(facts.kind, 'token.') AND NOT (shadow = 1 AND outcome != '')
GROUP BY ALL;

-- Statements that can be taken back: suspensions of tokens and of subjects, legal holds; `name` is whose they are.
CREATE TABLE {db}.toggles (
    tenant LowCardinality(String),
    name UUID,
    position UInt64,
    kind LowCardinality(String),
    speaker UInt64,
    -- 1 restricts: it suspends, or places a hold.
    op UInt8,
    reason String,
    at Int64,
    record_key UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(name), position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.toggles_of_facts TO {db}.toggles AS
-- Half a surrogate pair makes JSON that ClickHouse does not read: its digits stand for it. Twice, for two in a row.
WITH '(^|[^\\\\])((?:\\\\\\\\)*)\\\\(ud[89a-f][0-9a-f]{2})' AS half, replaceRegexpAll(replaceRegexpAll(data, half, '\\1\\2�\\3'), half, '\\1\\2�\\3') AS json
SELECT tenant, if(startsWith(kind, 'subject.'), sub, facts.name) AS name, position, kind, speaker, kind IN ('token.suspended', 'subject.suspended', 'legalhold.placed') AS op,
    if(startsWith(kind, 'legalhold.'), JSONExtractString(json, 'hold'),
        if(JSONExtractString(json, 'reasonId') != '', JSONExtractString(json, 'reasonId'), JSONExtractString(json, 'reason'))) AS reason,
    time AS at, record_key
FROM {db}.facts
WHERE kind IN ('token.suspended', 'token.reinstated', 'subject.suspended', 'subject.reinstated', 'legalhold.placed', 'legalhold.released');

-- Expiries that renewals in place state (MODEL §5.2).
CREATE TABLE {db}.renewals (
    tenant LowCardinality(String),
    name UUID,
    position UInt64,
    speaker UInt64,
    at Int64,
    exp_kind LowCardinality(String),
    exp_at Int64,
    exp_suspect UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(name), position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.renewals_of_facts TO {db}.renewals AS
SELECT tenant, name, position, speaker, time AS at, exp_kind, exp_at, exp_suspect
FROM {db}.facts
WHERE kind = 'token.renewed' AND exp_kind != '' AND shadow = 0;

-- Aliases (MODEL §1.4): a jti, or a credential, and a tok. Each was written to both streams: `at_tok` tells which copy.
CREATE TABLE {db}.name_pairs (
    tenant LowCardinality(String),
    center UUID,
    tok UUID,
    at_tok UInt8,
    position UInt64,
    speaker UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(center), toUInt128(tok), position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.name_pairs_of_facts TO {db}.name_pairs AS
SELECT tenant, if(jti != toUUID('00000000-0000-0000-0000-000000000000'), jti, cred) AS center, tok, name = tok AS at_tok, position, speaker
FROM {db}.facts
WHERE kind = 'token.aliased' AND tok != toUUID('00000000-0000-0000-0000-000000000000')
    AND (jti != toUUID('00000000-0000-0000-0000-000000000000') OR cred != toUUID('00000000-0000-0000-0000-000000000000'));

-- The same, to be found by the tok.
CREATE TABLE {db}.tok_centers AS {db}.name_pairs
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(tok), toUInt128(center), position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.tok_centers_of_facts TO {db}.tok_centers AS
SELECT tenant, if(jti != toUUID('00000000-0000-0000-0000-000000000000'), jti, cred) AS center, tok, name = tok AS at_tok, position, speaker
FROM {db}.facts
WHERE kind = 'token.aliased' AND tok != toUUID('00000000-0000-0000-0000-000000000000')
    AND (jti != toUUID('00000000-0000-0000-0000-000000000000') OR cred != toUUID('00000000-0000-0000-0000-000000000000'));

-- Ends of families, by every name that they are stated of: the grant, or any token of it (MODEL §5.6).
CREATE TABLE {db}.family_ends (
    tenant LowCardinality(String),
    name UUID,
    position UInt64,
    speaker UInt64,
    at Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(name), position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.family_ends_of_facts TO {db}.family_ends AS
WITH '(^|[^\\\\])((?:\\\\\\\\)*)\\\\(ud[89a-f][0-9a-f]{2})' AS half, replaceRegexpAll(replaceRegexpAll(data, half, '\\1\\2�\\3'), half, '\\1\\2�\\3') AS json
SELECT tenant, each AS name, position, speaker, time AS at
FROM {db}.facts
ARRAY JOIN arrayDistinct(arrayFilter(one -> one != toUUID('00000000-0000-0000-0000-000000000000'),
    [fam, jti, tok, facts.name, toUUIDOrZero(JSONExtractString(json, 'token'))])) AS each
WHERE kind = 'family.revoked';

-- What fences name and when they were raised; a token is hit iff it was born before the cutoff and all of it matches.
CREATE TABLE {db}.fences (
    tenant LowCardinality(String),
    position UInt64,
    speaker UInt64,
    at Int64,
    cutoff Int64,
    cause LowCardinality(String),
    sub UUID, cli UUID, kid UUID, ses UUID,
    token_kind LowCardinality(String),
    -- 1: offline grants alone, 0: online ones alone, -1: both.
    offline Int8
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, position)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW {db}.fences_of_facts TO {db}.fences AS
WITH '(^|[^\\\\])((?:\\\\\\\\)*)\\\\(ud[89a-f][0-9a-f]{2})' AS half, replaceRegexpAll(replaceRegexpAll(data, half, '\\1\\2�\\3'), half, '\\1\\2�\\3') AS json
SELECT tenant, position, speaker, time AS at, JSONExtractInt(json, 'cutoff') AS cutoff, cause,
    toUUIDOrZero(JSONExtractString(json, 'match', 'sub')) AS sub, toUUIDOrZero(JSONExtractString(json, 'match', 'cli')) AS cli,
    toUUIDOrZero(JSONExtractString(json, 'match', 'kid')) AS kid, toUUIDOrZero(JSONExtractString(json, 'match', 'ses')) AS ses,
    JSONExtractString(json, 'match', 'tokenKind') AS token_kind,
    if(JSONHas(json, 'match', 'offline'), toInt8(JSONExtractBool(json, 'match', 'offline')), -1) AS offline
FROM {db}.facts
WHERE kind = 'fence.raised';

-- What the facts of one stream say that holds at every time: one row for each that differ (MODEL §5.2). Texts that need
-- only be told apart are hashes; 0 is none. `said` is a hash of all of it.
CREATE TABLE {db}.attributes (
    tenant LowCardinality(String),
    name UUID,
    speaker UInt64,
    said UInt64,
    -- From this position on it was said: of rows with one key the earliest stays.
    position UInt64,
    earlier UInt64 MATERIALIZED bitNot(position),
    -- Where the line says it with effect as an attribute.
    sub UUID, cli UUID, con UUID, cred UUID, kid UUID, parent UUID, subject_token UUID, subject_family UUID,
    -- Further names that fences and families are held against.
    ses UUID, fam UUID,
    token_kind LowCardinality(String),
    -- 1 offline, 0 online, -1 not said.
    offline Int8,
    -- Issue time of the claims, where they are not called unverified; the smallest Int64 for none.
    iat Int64,
    kid_text UInt64, alg UInt64, typ UInt64, audiences UInt64, scopes UInt64, cnf UInt64,
    issuance_version LowCardinality(String),
    exp_kind LowCardinality(String), exp_at Int64, exp_suspect UInt8,
    -- Of the attributes that describe lines: claims, form, kind, jti, issuer, actorDepth, exp.
    described UInt64,
    -- A hash of each attribute that has one value, tagged with which it is, and a bit for each that is there: rows
    -- contradict each other iff together they have more hashes than bits.
    told Array(UInt64),
    told_of UInt32
)
ENGINE = ReplacingMergeTree(earlier)
ORDER BY (tenant, toUInt128(name), said, speaker)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 4096;

-- The family that a name belongs to from a position on: its smallest grant name, else its smallest member. The writer
-- keeps the union; the label at K is that of the last position ≤ K.
CREATE TABLE {db}.family_labels (
    tenant LowCardinality(String),
    member UUID,
    position UInt64,
    label UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, toUInt128(member), position)
SETTINGS non_replicated_deduplication_window = 1000;
