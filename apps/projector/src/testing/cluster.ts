import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { Partitioners, type Kafka } from 'kafkajs';
import { EventStoreLedger } from '#ledger';
import { linesOf, runTally, startTally, startUp, type Up } from '../../../cli/src/testing/run-tally.js';
import { startBroker, type TestBroker } from '../../../../infra/kafka/testing.js';
import { clientOf, lagOf, until, withAdmin } from '../../../../libs/intake/src/kafka/testing/kafka-run.js';
import { lineOf } from './request-line.js';
import { TcpProxy } from './tcp-proxy.js';

export const EVENTS = 'tallystick.gateway-events';
export const LETTERS = 'tallystick.dead-letters';
const GROUP = 'tallystick';

/** A projector in a process of its own. */
export interface Projector {
  child: ChildProcess;
  stderr(): string;
  /** The group gave it partitions. */
  assigned(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  /** Ends it as an operator would; the exit code. */
  stop(): Promise<number | null>;
}

/** Broker, ledger and projectors as processes of their own on this machine, and what was published so far. */
export class Cluster {
  published = 0;
  readonly poison = new Set<string>();
  private born = 0;
  private ledgerChild: ChildProcess | undefined;
  private up: Up | undefined;
  private readonly children = new Set<ChildProcess>();

  private constructor(
    readonly folder: string,
    readonly broker: TestBroker,
    readonly kafka: Kafka,
    readonly ledgerPort: number,
    readonly proxy: TcpProxy,
  ) {}

  /** @param settings of the ledger, as `tally settings declare` takes them */
  static async start(settings?: object): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'tally-cluster-'));
    const broker = await startBroker();
    const created = await runTally(['topics', 'create', '--kafka', broker.brokers.join()], { cwd: folder });
    if (created.code !== 0) throw new Error(created.stderr);
    if (settings !== undefined) {
      writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
      const declared = await runTally(['settings', 'declare', 'settings.json', '--data', join(folder, 'ledger')], {
        cwd: folder,
      });
      if (declared.code !== 0) throw new Error(declared.stderr);
    }
    const { child, port } = await serveLedger(folder, 0);
    const cluster = new Cluster(folder, broker, clientOf({ brokers: broker.brokers }), port, await TcpProxy.to(port));
    cluster.ledgerChild = child;
    // Answers questions and fills ClickHouse, on a connection that no test breaks.
    const direct = `esdb://127.0.0.1:${port}?tls=false`;
    const flags = ['--roles', 'analytics,findings', '--eventstore', direct, ...cluster.places('up')];
    cluster.up = await startUp(flags, { cwd: folder });
    return cluster;
  }

  /** How projectors reach the ledger. */
  get url(): string {
    return `esdb://127.0.0.1:${this.proxy.port}?tls=false`;
  }

  private places(name: string): string[] {
    return ['--data', join(this.folder, name), '--keys', join(this.folder, 'keys')];
  }

  /**
   * @param seat names its data directory, which the next in that seat goes on with, as under a supervisor. One process
   * a seat at a time.
   */
  projector(seat: number, flags: readonly string[] = []): Projector {
    const args = ['projector', '--roles', 'intake', '--kafka', this.broker.brokers.join(), '--eventstore', this.url];
    const more = [...this.places(`projector-${seat}`), '--session-timeout', '1500', ...flags];
    const child = startTally([...args, ...more], { cwd: this.folder });
    this.children.add(child);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const closed = once(child, 'close').then(([code]) => {
      this.children.delete(child);
      return code as number | null;
    });
    return {
      child,
      stderr: () => stderr,
      // One that is new in its seat reads all of the ledger first.
      assigned: () =>
        until(
          'partitions assigned',
          () => {
            if (child.exitCode !== null) throw new Error(`the projector ended: ${stderr}`);
            return stderr.includes('partitions assigned');
          },
          240_000,
        ),
      kill: async () => {
        child.kill('SIGKILL');
        await closed;
      },
      stop: () => {
        child.kill('SIGTERM');
        return closed;
      },
    };
  }

  /** Publishes uses of 200 tokens that nobody published before. */
  async publish(count: number): Promise<void> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const from = this.published;
    this.published += count;
    for (let at = from; at < from + count; at += 500) {
      const messages = Array.from({ length: Math.min(500, from + count - at) }, (_, i) => lineOf(at + i));
      await producer.send({ topic: EVENTS, acks: -1, messages });
    }
    await producer.disconnect();
  }

  /** As `publish`, and so many into each partition, in whatever order of tokens. */
  async publishEach(partitions: number, count: number): Promise<void> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    for (let partition = 0; partition < partitions; partition++) {
      const from = this.published;
      this.published += count;
      const messages = Array.from({ length: count }, (_, i) => ({ ...lineOf(from + i), partition }));
      await producer.send({ topic: EVENTS, acks: -1, messages });
    }
    await producer.disconnect();
  }

  /** Publishes while something else happens, and goes on until that is over. */
  async publishDuring<T>(work: Promise<T>, each = 100): Promise<T> {
    let isOver = false;
    const over = work.finally(() => (isOver = true));
    over.catch(() => undefined);
    while (!isOver) {
      await this.publish(each);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return over;
  }

  /** One unreadable record in each partition. */
  async poisonEach(partitions: number): Promise<void> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = Array.from({ length: partitions }, (_, partition) => {
      const value = `poison ${this.poison.size} {"token": "cut`;
      this.poison.add(value);
      return { partition, key: null, value };
    });
    await producer.send({ topic: EVENTS, acks: -1, messages });
    await producer.disconnect();
  }

  /** Until everything that was published is committed. */
  drained(ms = 240_000): Promise<void> {
    return until(
      'everything committed',
      () => withAdmin(this.kafka, async (admin) => (await lagOf(admin, GROUP, EVENTS)) === 0),
      ms,
    );
  }

  /** Every record comes again, from the first offset; nobody may be reading. */
  async rewind(): Promise<void> {
    await withAdmin(this.kafka, async (admin) => {
      await until('nobody reads', async () => (await admin.describeGroups([GROUP])).groups[0]?.state === 'Empty');
      await admin.resetOffsets({ groupId: GROUP, topic: EVENTS, earliest: true });
    });
  }

  /** Uses in the ledger: in how many events, and how many they stand for. */
  async uses(): Promise<{ events: number; uses: number }> {
    const ledger = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${this.ledgerPort}?tls=false` });
    const sum = { events: 0, uses: 0 };
    for await (const { type, data } of ledger.readAll()) {
      if (type !== 'tallystick.token.validated.v1') continue;
      sum.events++;
      sum.uses += (JSON.parse(data) as { data: { count?: number } }).data.count ?? 1;
    }
    await ledger.close();
    return sum;
  }

  /** Events of the ledger, by what they came from: input → how often it stands there. */
  async counted(): Promise<{ events: number; inputs: Map<string, number> }> {
    const ledger = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${this.ledgerPort}?tls=false` });
    const inputs = new Map<string, number>();
    let events = 0;
    for await (const { type, data } of ledger.readAll()) {
      if (type !== 'tallystick.token.validated.v1') continue;
      events++;
      const { record } = JSON.parse(data) as { record: { key: string } };
      inputs.set(record.key, (inputs.get(record.key) ?? 0) + 1);
    }
    await ledger.close();
    return { events, inputs };
  }

  /** Rows in ClickHouse, once it has come to the end of the ledger. */
  async countedInClickHouse(): Promise<{ rows: number; inputs: number }> {
    const sql = `SELECT count() AS rows, uniqExact(record_key) AS inputs FROM facts WHERE kind = 'token.validated'`;
    let last: { rows: number; inputs: number } | undefined;
    await until('ClickHouse at the end of the ledger', async () => {
      const ran = await runTally(['sql', sql, '-o', 'json', '--data', join(this.folder, 'up')], { cwd: this.folder });
      if (ran.code !== 0) return false;
      const answer = JSON.parse(ran.stdout) as { items: { rows: number; inputs: number }[]; lagEvents: number };
      last = answer.items[0];
      return answer.lagEvents === 0 && last !== undefined && last.rows >= this.published;
    });
    return last!;
  }

  /** Ids of letters in their topic. */
  async letters(): Promise<Set<string>> {
    const ids = new Set<string>();
    const [ends] = await withAdmin(this.kafka, (admin) => admin.fetchTopicOffsets(LETTERS));
    const end = Number(ends?.high ?? 0);
    if (end === 0) return ids;
    const consumer = this.kafka.consumer({ groupId: `letters-${this.born++}` });
    await consumer.connect();
    await consumer.subscribe({ topic: LETTERS, fromBeginning: true });
    let last = -1;
    await consumer.run({
      eachMessage: async ({ message }) => {
        last = Number(message.offset);
        ids.add((JSON.parse(String(message.value)) as { id: string }).id);
      },
    });
    await until('all letters read', () => last === end - 1);
    await consumer.disconnect();
    return ids;
  }

  /** Ends the projectors that a failed test left. */
  async killProjectors(): Promise<void> {
    for (const child of this.children) {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
  }

  async killLedger(): Promise<void> {
    const child = this.ledgerChild!;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  async restartLedger(): Promise<void> {
    this.ledgerChild = (await serveLedger(this.folder, this.ledgerPort)).child;
  }

  async stop(): Promise<void> {
    for (const child of [...this.children, this.up?.child, this.ledgerChild]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
    await this.proxy.close();
    await this.broker.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function serveLedger(folder: string, port: number): Promise<{ child: ChildProcess; port: number }> {
  const args = ['ledger', 'serve', '--data', join(folder, 'ledger'), '--port', String(port), '-o', 'json'];
  const child = startTally(args, { cwd: folder });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  for await (const line of linesOf(child)) return { child, port: (JSON.parse(line) as { port: number }).port };
  throw new Error(`the ledger did not start: ${stderr}`);
}
