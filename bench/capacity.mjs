#!/usr/bin/env node
/**
 * Capacity on paper: what a rate of requests asks of each part. Every number that goes in is named in ASSUMPTIONS, with
 * where it is from; `--NAME=VALUE` puts another in its place: node bench/capacity.mjs --usesPerTokenMinute=4
 */
import { fileURLToPath } from 'node:url';

/** [value, unit, what it is, where it is from]. Rates were measured on two shared cores. */
export const ASSUMPTIONS = {
  usesPerTokenMinute: [30, '/min', 'uses of a busy token a minute, over all gateways', 'assumed: measure your own'],
  gatewaysPerToken: [2, '', 'gateway instances that see a token within a minute', 'assumed'],
  tokenLifeSeconds: [3600, 's', 'between two issuances for one token in use', 'assumed: access tokens of one hour'],
  eventsPerIssuance: [3, '', 'events that an issuance makes: issued, rotated, renewed', 'assumed'],
  rangeRecords: [8192, '', 'records of a partition that minute mode folds together', 'docs/uses.md'],
  lineBytes: [
    900,
    'B',
    'a gateway line in Kafka, compressed',
    'assumed: samples of docs/connect.md are 700 to 1,500 B',
  ],
  recordsPerCore: [8900, '/s', 'records that one core takes in', 'bench/RESULTS.md b: 17,787/s on two cores'],
  foldedPerCore: [
    25000,
    '/s',
    'records that one core folds away',
    'assumed: parsed and redacted, not sealed or stored',
  ],
  recordsPerPartition: [
    5000,
    '/s',
    'planned for one partition',
    'under recordsPerCore, so that one core keeps up with one',
  ],
  kafkaDays: [7, 'd', 'retention of event topics', 'docs/kafka.md'],
  eventsPerLedger: [
    10000,
    '/s',
    'planned for one EventStoreDB',
    'assumed: 12,000 single appends/s were measured against a stub, not a server',
  ],
  ledgerBytes: [700, 'B', 'an event in the ledger, with index', 'assumed'],
  factsPerWriter: [16706, '/s', 'facts that one writer puts into ClickHouse', 'bench/RESULTS.md e'],
  batchEvents: [10000, '', 'events of a full batch', 'libs/analytics/src/writer/batch.ts'],
  insertsPerBatch: [6, '', 'inserts of a batch, at most', 'libs/analytics/src/writer/follower.ts'],
  clickhouseBytes: [150, 'B', 'a fact with all that views make of it, compressed', 'assumed'],
  replicas: [3, '', 'copies in Kafka and EventStoreDB', 'usual'],
  clickhouseReplicas: [2, '', 'copies in ClickHouse', 'usual'],
};

export const RATES = [1_000, 10_000, 100_000, 1_000_000];
export const MODES = ['each', 'minute', 'summaries'];

export const defaults = Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, [value]]) => [name, value]));

/**
 * @param {number} rate requests a second
 * @param {'each' | 'minute' | 'summaries'} mode every use an event; folded by the projector; folded by the gateway
 */
export function plan(rate, mode, a = defaults) {
  const busyTokens = (rate * 60) / a.usesPerTokenMinute;
  const issuances = (busyTokens / a.tokenLifeSeconds) * a.eventsPerIssuance;
  // What the gateway sends: every line, or one summary for each token, instance and minute.
  const records = mode === 'summaries' ? Math.min(rate, (busyTokens * a.gatewaysPerToken) / 60) : rate;
  const partitions = Math.max(6, Math.ceil(records / a.recordsPerPartition));
  const share = mode === 'minute' ? keptShare(busyTokens / partitions, a) : 1;
  const events = records * share + issuances;
  const ledgers = Math.ceil(events / a.eventsPerLedger);
  const cores = Math.ceil((records * share) / a.recordsPerCore + (records * (1 - share)) / a.foldedPerCore);
  const perDay = (perSecond, bytes, copies) => (perSecond * bytes * copies * 86_400) / 1e12;
  return {
    rate,
    mode,
    busyTokens,
    records,
    events,
    share: events / (rate + issuances),
    partitions,
    cores,
    ledgers,
    kafkaTb: perDay(records + issuances, a.lineBytes, a.replicas) * a.kafkaDays,
    ledgerTbDay: perDay(events, a.ledgerBytes, a.replicas),
    clickhouseTbDay: perDay(events, a.clickhouseBytes, a.clickhouseReplicas),
    inserts: (events / a.batchEvents) * a.insertsPerBatch,
    writers: Math.max(ledgers, Math.ceil(events / a.factsPerWriter)),
  };
}

/** Of the uses in a range: the first of each token and gateway, and one summary of its repeats (docs/uses.md). */
export function keptShare(tokens, a) {
  const draws = a.rangeRecords / a.gatewaysPerToken;
  const seen = tokens * (1 - Math.exp(-draws / tokens));
  return Math.min(1, (2 * seen * a.gatewaysPerToken) / a.rangeRecords);
}

/** Of terabytes. */
const size = (value) => (value < 1 ? `${whole(value * 1000)} GB` : `${brief(value)} TB`);
const whole = (value) => Math.round(value).toLocaleString('en-US');
const brief = (value) => (value >= 10 ? whole(value) : value.toFixed(value >= 0.995 ? 1 : 2));

export function table(a = defaults) {
  const head = [
    'requests/s',
    'uses',
    'busy tokens',
    'records/s',
    'events/s',
    'kept',
    'partitions',
    'projector cores',
    'ledgers',
    'Kafka',
    'ledger a day',
    'ClickHouse a day',
    'inserts/s',
  ];
  const rows = RATES.flatMap((rate) => MODES.map((mode) => plan(rate, mode, a))).map((p) => [
    whole(p.rate),
    p.mode,
    whole(p.busyTokens),
    whole(p.records),
    whole(p.events),
    `${whole(p.share * 100)} %`,
    whole(p.partitions),
    whole(p.cores),
    whole(p.ledgers),
    size(p.kafkaTb),
    size(p.ledgerTbDay),
    size(p.clickhouseTbDay),
    brief(p.inserts),
  ]);
  return markdown(head, rows);
}

export function assumptionTable(a = defaults) {
  const rows = Object.entries(ASSUMPTIONS).map(([name, [, unit, what, source]]) => [
    `\`${name}\``,
    `${whole(a[name])} ${unit}`.trim(),
    what,
    source,
  ]);
  return markdown(['name', 'value', 'what', 'from'], rows);
}

function markdown(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const a = { ...defaults };
  for (const argument of process.argv.slice(2)) {
    const [, name, value] = /^--(\w+)=([\d.]+)$/.exec(argument) ?? [];
    if (name === undefined || !(name in a)) {
      process.stderr.write(
        `${argument}: none of ${Object.keys(a)
          .map((each) => `--${each}=N`)
          .join(' ')}\n`,
      );
      process.exit(2);
    }
    a[name] = Number(value);
  }
  process.stdout.write(`${assumptionTable(a)}\n\n${table(a)}\n`);
}
