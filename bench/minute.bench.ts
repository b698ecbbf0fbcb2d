import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Account, DeadLetters, Intake, MinuteIntake, Preparer, SeenIndex, vaultOf, type Prepared } from '#intake';
import { DEFAULT_THRESHOLDS, namingSecrets, settingsSchema, type Format } from '#lifecycle';
import { EmbeddedLedger } from '#ledger';
import { SubjectKeys } from '#security';
import { ADAPTERS } from '#sources';
import { collectGarbage, median, perSecond, rig, seededRandom, table } from './rig.js';

/**
 * Benchmark (g): one partition of gateway lines, each use an event against summaries by the minute: read and sealed
 * and until durable in the embedded ledger, in records for each second of processor time (what one core can do), so
 * that neighbours on the machine count little. The ceiling is JSON.parse of the same lines.
 * `node dist/bench/minute.bench.js [records] [tokens] [rounds] [format]`
 */
const records = Number(process.argv[2] ?? 131_072);
const tokens = Number(process.argv[3] ?? 200);
const rounds = Number(process.argv[4] ?? 3);
const formats = (process.argv[5]?.split(',') ?? ['kong', 'apisix', 'envoy', 'cloudevents']) as Format[];

/** Records of one fetch. */
const FETCH = 1000;
const START = Date.UTC(2026, 2, 10, 9);
/** Requests a second in the partition. */
const RATE = 5000;
const ISSUER = 'https://idp.example.com/realms/shop';
const secrets = namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const folder = mkdtempSync(join(tmpdir(), 'tally-bench-'));
let directories = 0;

console.log(rig());
console.log(`${records} records of ${tokens} tokens, ${RATE} requests a second in the partition, ${rounds} rounds\n`);
const rows: (string | number)[][] = [
  [
    'format',
    'parse/s',
    'each/s',
    'minute/s',
    'ratio',
    'each durable/s',
    'minute durable/s',
    'ratio',
    'events a request',
  ],
];
for (const format of formats) {
  const lines = linesOf(format);
  const rates = { parse: [] as number[], each: [] as number[], minute: [] as number[] };
  const durable = { each: [] as number[], minute: [] as number[] };
  let events = 0;
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    rates.parse.push(records / parseAll(lines));
    for (const uses of ['each', 'minute'] as const) {
      collectGarbage();
      rates[uses].push(records / (await run(lines, format, uses, false)).seconds);
      collectGarbage();
      const whole = await run(lines, format, uses, true);
      durable[uses].push(records / whole.seconds);
      if (uses === 'minute') events = whole.events;
    }
  }
  const [each, minute] = [median(rates.each), median(rates.minute)];
  const [eachDurable, minuteDurable] = [median(durable.each), median(durable.minute)];
  rows.push([
    format,
    perSecond(median(rates.parse), 1),
    perSecond(each, 1),
    perSecond(minute, 1),
    (minute / each).toFixed(1),
    perSecond(eachDurable, 1),
    perSecond(minuteDurable, 1),
    (minuteDurable / eachDurable).toFixed(1),
    (events / records).toFixed(3),
  ]);
}
console.log(table(rows));
rmSync(folder, { recursive: true });

function parseAll(lines: readonly string[]): number {
  const started = process.cpuUsage();
  let fields = 0;
  for (const line of lines) fields += Object.keys(JSON.parse(line) as object).length;
  if (fields === 0) throw new Error('nothing was parsed');
  return cpuSeconds(started);
}

async function run(
  lines: readonly string[],
  format: Format,
  uses: 'each' | 'minute',
  durably: boolean,
): Promise<{ seconds: number; events: number }> {
  const directory = mkdtempSync(join(folder, `${directories++}-`));
  const keys = SubjectKeys.open({
    access: 'write',
    file: (entry) => join(directory, entry),
    meta: { ledgerId: 'bench', subjectKeys: false },
    updateMeta: () => undefined,
  });
  const settings = settingsSchema.parse({ sources: { gateway: { format, uses } } });
  const vault = vaultOf(keys);
  const preparer = new Preparer({ tenant: 'default', settings, secrets, vault, today: 1, source: 'gateway' });
  const partition = new MinuteIntake(preparer, { topic: 'token-events', partition: 0 });
  const ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write', clock: Date.now });
  const seen = SeenIndex.open(join(directory, 'seen.sqlite'));
  const deadLetters = new DeadLetters(join(directory, 'dead.sqlite'), Date.now);
  const { futureSlack } = DEFAULT_THRESHOLDS;
  const intake = await Intake.open({ ledger, seen, deadLetters, clock: Date.now, futureSlack });
  const account = new Account();
  let events = 0;
  const started = process.cpuUsage();
  for await (const batch of batches()) {
    if (durably) {
      await intake.take(one(batch), account);
      continue;
    }
    for (const each of batch) {
      if (each.kind === 'facts') events += each.events.length;
      else throw new Error(`${format}: a line is ${each.kind}`);
    }
  }
  const seconds = cpuSeconds(started);
  if (durably && account.report.accepted !== records) throw new Error(`accepted ${account.report.accepted}`);
  seen.close();
  deadLetters.close();
  await ledger.close();
  keys.close();
  rmSync(directory, { recursive: true });
  return { seconds, events: durably ? account.report.events : events };

  async function* batches(): AsyncGenerator<Prepared[]> {
    for (let at = 0; at < lines.length; at += FETCH) {
      const fetch = lines.slice(at, at + FETCH).map((text, i) => ({ offset: BigInt(at + i), text }));
      yield partition.take(fetch).prepared;
    }
    yield partition.reach(BigInt(Math.ceil(lines.length / 8192)) * 8192n).prepared;
  }
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

async function* one(batch: Prepared[]): AsyncGenerator<Prepared[]> {
  yield batch;
}

/** Lines of one format: any token at any time, each from a home network, at one of two gateways. */
function linesOf(format: Format): string[] {
  const random = seededRandom(7);
  return Array.from({ length: records }, (_, n) => {
    const token = Math.floor(random() * tokens);
    const gateway = random() < 0.9 ? 'gw-a' : 'gw-b';
    return JSON.stringify(lineOf(format, token, gateway, START + Math.floor((n * 1000) / RATE), n));
  });
}

function lineOf(format: Format, token: number, gateway: string, at: number, n: number): object {
  const { sample } = ADAPTERS[format];
  const id = `rq-${n.toString(36)}`;
  const jti = `at-${token}`;
  const exp = Math.floor(START / 1000) + 3600;
  const address = `192.0.${token % 200}.${1 + (token % 250)}`;
  const request = (sample['request'] ?? {}) as object;
  switch (format) {
    case 'kong': {
      const headers = { host: 'api.example.com', authorization: 'REDACTED', 'user-agent': 'shop-app/3.2' };
      const claims = { token_jti: jti, token_iss: ISSUER, token_sub: `u-${token}`, token_exp: exp };
      return {
        ...sample,
        ...claims,
        request: { ...request, id, headers },
        started_at: at,
        client_ip: address,
        gateway_id: gateway,
      };
    }
    case 'apisix': {
      const headers = { host: 'api.example.com', 'x-request-id': id, 'user-agent': 'app/1' };
      const consumer = { username: `partner_${token}`, credential_id: `key-${token}` };
      const server = { hostname: gateway, version: '3.12.0' };
      return { ...sample, request: { ...request, headers }, consumer, server, client_ip: address, start_time: at };
    }
    case 'envoy': {
      const { jwt } = sample as { jwt: { verified_jwt: object } };
      const payload = { ...jwt.verified_jwt, jti, sub: `svc-${token}` };
      const { token_sha256: _none, ...rest } = sample;
      const fields = { start_time: new Date(at).toISOString(), request_id: id, node_id: gateway };
      return { ...rest, ...fields, downstream_remote_address: `${address}:51234`, jwt: { verified_jwt: payload } };
    }
    default: {
      const data = {
        issuer: ISSUER,
        jti,
        subject: `u-${token}`,
        client: 'spa-shop',
        exp,
        status: 200,
        gateway,
        version: 'v41',
        region: 'eu',
        api: 'orders',
        client_ip: address,
        user_agent: 'shop-app/3.2',
      };
      const time = new Date(at).toISOString();
      const type = 'tallystick.token.validated.v1';
      return { specversion: '1.0', id, source: '/gateways/eu', type, time, datacontenttype: 'application/json', data };
    }
  }
}
