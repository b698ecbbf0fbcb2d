import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnalyticsEngine, migrate, queryCatalog, readAuthority, Reader, runQuery } from '#analytics';
import { rig, table } from './rig.js';

/**
 * Every named query over 100 M uses of a week, generated as the tables hold them: 2 M rows of minutes, 10 M of tokens'
 * minutes. `node dist/bench/queries.bench.js [tokens] [rounds]`; `--data=DIR` keeps the tables.
 */
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const tokens = Number(words[0] ?? 200_000);
const rounds = Number(words[1] ?? 21);
const kept = /^--data=(.+)$/.exec(process.argv.find((word) => word.startsWith('--data=')) ?? '')?.[1];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'tally-bench-'));

const END = Date.UTC(2026, 2, 10, 11);
const START = END - 7 * 86_400_000;
const MINUTES = 10_080;
const TENANT = "'default'";
// What an undeclared Keycloak may issue for: else all of it would be claims without effect.
const ISSUER = "'keycloak:shop'";

/** A name of a kind, as an expression over a number. */
const named = (kind: string, of: string): string => {
  const hash = `lower(hex(sipHash128('${kind}', ${of})))`;
  const parts = [
    [3, 6],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ].map(([from, length]) => `substring(${hash}, ${from}, ${length})`);
  return `toUUID(concat('${kind}0', ${parts.join(", '-', ")}))`;
};
const jti = named('2', 'n');
const tok = named('3', 'n');
const client = (of: string): string => named('7', of);
const subject = named('6', 'n % 20000');
const bornAt = `(${START} + intDiv(toInt64(n) * ${7 * 86_400_000}, ${tokens}))`;
const version = (at: string, gateway: string): string =>
  `if(${at} >= ${END - 6 * 3_600_000} + ${gateway} * 60000, 'v42', 'v41')`;
const every = `(SELECT number AS n FROM numbers(${tokens}))`;

async function fill(engine: AnalyticsEngine): Promise<void> {
  const into = (target: string, select: string): Promise<void> =>
    engine.command(`INSERT INTO {db}.${target} ${select}`);
  await into(
    'speakers',
    `VALUES (${TENANT},1,'keycloak','token.issued',${ISSUER},1,0),(${TENANT},2,'kong','token.validated',${ISSUER},1,0),(${TENANT},9,'nobody','token.issued',${ISSUER},1,0)`,
  );
  for (let part = 0; part < 4; part++) {
    await into(
      'rollup_minute',
      `SELECT ${TENANT}, ${START} + m * 60000 AS minute, toUInt32(intDiv(m * 9920, 1048576)), m * 9920, 202603, ${ISSUER}, ${client('i % 50')},
         concat('gw-', toString(i % 4)), if(i % 2 = 0, 'eu', 'us'), concat('/api', toString(intDiv(i, 50))), ${version('minute', '(i % 4)')},
         if(i >= 180, 'token.rejected', 'token.validated'), multiIf(i >= 190, 'denied', i >= 180, 'refused', 'accepted'),
         if(i >= 180, ['expired', 'kid', 'signature', 'scope'][1 + i % 4], ''), 50, 50
       FROM (SELECT intDiv(number, 200) + ${part} * 2520 AS m, number % 200 AS i FROM numbers(504000))`,
    );
  }
  for (const [rollup, column, width] of [
    ['rollup_hour', 'hour', 3_600_000],
    ['rollup_day', 'day', 86_400_000],
  ]) {
    await into(
      String(rollup),
      `SELECT tenant, minute - minute % ${width} AS ${column}, chunk, issuer, client, gateway, region, api, version, kind, outcome, reason, sum(facts), sum(uses)
       FROM {db}.rollup_minute WHERE chunk < 95 GROUP BY ALL`,
    );
  }
  await into('rolled_chunks', 'SELECT number FROM numbers(95)');
  const uses = Math.floor(10_000_000 / tokens);
  for (let part = 0; part < 10; part++) {
    await into(
      `token_minutes (tenant, name, minute, shape, batch, recorded_month, gateway, region, version, outcome, reason, first_at, last_at, first_position, last_position, facts, uses)`,
      `SELECT ${TENANT}, if(bad, ${tok}, ${jti}), at - at % 60000, sipHash64(n, u % 4), intDiv(at - ${START}, 60000) * 9920, 202603, concat('gw-', toString(u % 4)),
         if(u % 2 = 0, 'eu', 'us'), ${version('at', '(u % 4)')}, if(bad, 'refused', 'accepted'), if(bad, 'kid', ''), at, at + 20000, at, at, 10, 10
       FROM (SELECT intDiv(number, ${uses}) + ${part} * ${tokens / 10} AS n, number % ${uses} AS u, ${bornAt} + (u + 1) * 60000 AS at,
         n % 33 = 0 AND u % 10 = 9 AS bad FROM numbers(1000000))`,
    );
  }
  const milestone = (kind: string, after: number, of: string, offset: number): Promise<void> =>
    into(
      'milestones (tenant, kind, at, position, name, speaker, issuer, client, sub, token_kind, grant_type, login, cause)',
      `SELECT ${TENANT}, '${kind}', ${bornAt} + ${after}, ${offset} + n, ${jti}, 1, ${ISSUER}, ${client('n % 50')}, ${subject},
         if(n % 4 = 0, 'refresh', 'access'), 'refresh_token', n % 3 = 0, 'logout' FROM ${every} WHERE ${of}`,
    );
  await milestone('token.issued', 0, '1', 0);
  await milestone('token.rotated', 1_800_000, 'n % 4 = 0', 1e9);
  await milestone('token.revoked', 1_200_000, 'n % 50 = 1', 2e9);
  for (const speaker of [1, 2]) {
    await into(
      'attributes (tenant, name, speaker, said, position, sub, cli, kid, token_kind, iat, exp_kind, exp_at)',
      `SELECT ${TENANT}, ${jti}, ${speaker}, sipHash64(n, ${speaker}), n, ${subject}, ${client('n % 50')}, ${named('5', 'n % 3')}, if(n % 4 = 0, 'refresh', 'access'),
         ${speaker === 1 ? '-9223372036854775808' : `${bornAt} + if(n % 1000 = 3, 120000, 0)`}, if(n % 500 = 7, 'never', 'at'), ${bornAt} + 3600000 FROM ${every}`,
    );
  }
  const onset = (kind: string, after: number, of: string, gateway = -1): Promise<void> =>
    into(
      'onsets (tenant, name, kind, speaker, gateway, version, at, last_at)',
      `SELECT ${TENANT}, ${kind === 'refused' ? tok : jti}, '${kind}', ${kind === 'accepted' ? 2 : 1}, ${gateway < 0 ? "''" : `'gw-${gateway}'`},
         ${gateway < 0 ? "''" : version(`(${bornAt} + ${after})`, String(gateway))}, ${bornAt} + ${after}, ${bornAt} + ${kind === 'accepted' ? 3_000_000 : after} FROM ${every} WHERE ${of}`,
    );
  await onset('issued', 0, '1');
  for (const gateway of [0, 1, 2, 3]) await onset('accepted', 60_000 * (1 + gateway), '1', gateway);
  await onset('refused', 600_000, 'n % 33 = 0', 1);
  await onset('rotated', 1_800_000, 'n % 4 = 0');
  await onset('revoked', 1_200_000, 'n % 50 = 1');
  for (const pairs of ['name_pairs', 'tok_centers'])
    await into(
      `${pairs} (tenant, center, tok, position, speaker)`,
      `SELECT ${TENANT}, ${jti}, ${tok}, n, 2 FROM ${every}`,
    );
  await into(
    'refusals (tenant, minute, version, gateway, region, reason, api, source, token_kind, client, sub, name, batch, first_at, last_at, requests)',
    `SELECT ${TENANT}, at - at % 60000, ${version('at', '1')}, concat('gw-', toString(u % 4)), if(u % 2 = 0, 'eu', 'us'), ['kid', 'expired', 'signature'][1 + n % 3],
       '/api0', 'kong', if(n % 5 = 0, 'refresh', 'access'), ${client('n % 50')}, ${subject}, ${tok}, at, at, at + 20000, 10
     FROM (SELECT intDiv(number, 5) * 33 AS n, number % 5 AS u, ${bornAt} + (u * 10 + 10) * 60000 AS at FROM numbers(${Math.floor(tokens / 33) * 5}))`,
  );
  await into(
    'source_minutes',
    `SELECT ${TENANT}, ['kong', 'envoy', 'keycloak', 'okta'][1 + number % 4], ${START} + intDiv(number, 4) * 60000, intDiv(number, 4) * 9920,
       ${START} + intDiv(number, 4) * 60000 + 59000, 2500 FROM numbers(${MINUTES * 4})`,
  );
}

const engine = await AnalyticsEngine.open({ path: folder });
await migrate(engine);
const reader = await Reader.beside(engine);
try {
  console.log(rig());
  const [filled] = await engine.rows<{ uses: number }>('SELECT sum(uses) AS uses FROM {db}.rollup_minute');
  if (filled?.uses === 0) await fill(engine);
  const context = { tenant: 'default', clock: END, authority: await readAuthority(engine, 'default') };
  const [leaky] = await engine.rows<{ name: string }>(`SELECT replaceAll(toString(${client('7')}), '-', '') AS name`);
  const lines: (string | number)[][] = [['query', 'rows', 'p50 ms', 'p95 ms', 'cpu p50 ms']];
  for (const query of queryCatalog().values()) {
    const given = query.name === 'leak' ? { client: leaky!.name } : {};
    const walls: number[] = [];
    const cpus: number[] = [];
    let rows = 0;
    // The first run reads from disk and is none of the rounds.
    for (let round = -1; round < rounds; round++) {
      const [from, used] = [performance.now(), process.cpuUsage()];
      rows = (await runQuery(reader, query, given, context)).rows.length;
      const { user, system } = process.cpuUsage(used);
      if (round < 0) continue;
      walls.push(performance.now() - from);
      cpus.push((user + system) / 1000);
    }
    const at = (list: number[], share: number): string =>
      list.sort((a, b) => a - b)[Math.ceil(list.length * share) - 1]!.toFixed(0);
    lines.push([query.name, rows, at(walls, 0.5), at(walls, 0.95), at(cpus, 0.5)]);
  }
  console.log(table(lines));
} finally {
  await reader.close();
  await engine.close();
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
