import { setImmediate } from 'node:timers/promises';
import {
  agedTo,
  fullType,
  isAboutToken,
  isOwnConclusion,
  OWN_SOURCE,
  type Finding,
  type RecordedFact,
  type SourceClocks,
  type Withdrawal,
} from '#lifecycle';
import {
  factOfRow,
  headOf,
  isReplayed,
  LedgerHistory,
  type AppendResult,
  type Ledger,
  type LedgerScan,
  type Position,
  type RawRow,
  type StreamAppend,
} from '#ledger';
import { FindingsRefused, JudgingStopped } from './errors.js';
import { appendOf, changeOf, giveReasons, type Change } from './finding-events.js';
import { FindingsStore } from './findings-store.js';
import { clocksOf, Judge } from './judge.js';
import { mergedFinding } from './merged.js';

export interface FollowerParts {
  ledger: Ledger;
  scan: LedgerScan;
  /** Where the store lies: a file that can be rebuilt. */
  file: string;
  /** Now, in ms. */
  clock: () => number;
}

/** Facts of one step that are held in memory; beyond these everything is judged, which is cheaper anyway. */
const HELD = 20_000;
/** Rows, or findings, after which other work has its turn. */
const TURN = 2_000;
/** Events that are appended with one sync. */
const APPENDED = 500;

/** What one step came to. */
export interface Judged {
  /** Everything up to here was judged. */
  position: Position;
  raised: number;
  amended: number;
  withdrawn: number;
}

/** What one tenant has between two positions. */
interface TenantRows {
  facts: RecordedFact[] | undefined;
  conflicts: boolean;
  clocks: SourceClocks;
  cause: Withdrawal;
}

/**
 * Follows the ledger and says what is found, as it happens: after each step the findings that stand are those that
 * the whole history gives. The ledger is the truth of what was said, the store of how far was judged; a process that
 * dies between the two finds its own events after the cursor and says nothing twice.
 */
export class FindingsFollower {
  private readonly judges = new Map<string, Judge>();
  private readonly store: FindingsStore;
  private running: Promise<Judged> | undefined;
  private signal: AbortSignal | undefined;
  private isClosed = false;

  constructor(private readonly parts: FollowerParts) {
    this.store = FindingsStore.open(parts.file);
    this.forgetOtherLedger();
  }

  /** A ledger that was restored from a backup knows nothing of what came after it. */
  private forgetOtherLedger(): void {
    const { cursor, recordedAt } = this.store.place();
    if (cursor === 0n) return;
    const [row] = this.parts.scan.scanAll({ after: cursor - 1n, to: cursor });
    if (row === undefined || row.recordedAt !== recordedAt) this.store.reset();
  }

  /**
   * Judges everything up to the head as it is now; a call while another one runs waits for it, and goes on from there.
   * @param signal ends it early: the step that is under way is taken back, and judged again by whoever comes next.
   */
  async catchUp({ signal }: { signal?: AbortSignal } = {}): Promise<Judged> {
    while (this.running !== undefined) await this.running.catch(() => undefined);
    this.signal = signal;
    this.running = this.step().finally(() => (this.running = undefined));
    try {
      return await this.running;
    } catch (error) {
      if (error instanceof JudgingStopped && signal?.aborted === true)
        return { position: this.store.place().cursor, raised: 0, amended: 0, withdrawn: 0 };
      throw error;
    }
  }

  /** Ends after the current turn, as with a signal. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.running?.catch(() => undefined);
    this.store.close();
  }

  private async step(): Promise<Judged> {
    const { store } = this;
    const counts = { raised: 0, amended: 0, withdrawn: 0 };
    const from = store.place().cursor;
    const to = await this.parts.ledger.head();
    const now = this.parts.clock();
    store.begin();
    try {
      const rows = await this.read(from, to);
      for (const tenant of this.turning(now)) if (!rows.has(tenant)) rows.set(tenant, this.emptyRows(tenant));
      let last = to;
      for (const [tenant, own] of rows) {
        const changes = await this.judge(tenant, own, from, to, now);
        for (const { type } of changes) counts[type.slice('finding.'.length) as keyof typeof counts]++;
        const said = await this.say(tenant, changes, now);
        if (said > last) last = said;
      }
      const position = this.ownUpTo(to, last);
      const [row] = position === 0n ? [] : [...this.parts.scan.scanAll({ after: position - 1n, to: position })];
      store.setPlace({ cursor: position, recordedAt: row?.recordedAt ?? 0 });
      store.commit();
      return { position, ...counts };
    } catch (error) {
      store.rollback();
      for (const judge of this.judges.values()) judge.forget();
      throw error;
    }
  }

  /** Tenants of which some answer turns by now, though no fact came. */
  private turning(now: number): string[] {
    return this.store.knownTenants().filter((tenant) => {
      const own = this.store.of(tenant);
      return Math.min(own.turn(), own.state()?.worldTurn ?? Infinity) <= now;
    });
  }

  private emptyRows(tenant: string): TenantRows {
    return { facts: [], conflicts: false, clocks: clocksOf(this.store.of(tenant).state()), cause: 'time passed' };
  }

  /** Reads what came after the cursor: facts by tenant; and what was said, also by a process that died since. */
  private async read(after: Position, to: Position): Promise<Map<string, TenantRows>> {
    const out = new Map<string, TenantRows>();
    let n = 0;
    for (const row of this.parts.scan.scanAll({ after, to })) {
      if (++n % TURN === 0) await this.turn();
      const head = headOf(row.data);
      if (head === undefined) continue;
      if (isOwnConclusion({ type: row.type, source: head.source })) {
        this.hear(row);
        continue;
      }
      let own = out.get(head.tenant);
      if (own === undefined) out.set(head.tenant, (own = { ...this.emptyRows(head.tenant), cause: 'later facts' }));
      own.clocks.note(head.source, head.time, row.recordedAt);
      own.conflicts ||= row.metadata?.includes('"conflict"') === true;
      if (head.source === OWN_SOURCE) {
        if (row.type === fullType('settings.declared')) own.cause = 'settings changed';
        if (row.type === fullType('source.distrusted')) own.cause = 'source distrusted';
      }
      if (own.facts !== undefined) this.hold(row, head.tenant, own);
    }
    return out;
  }

  private hold(row: RawRow, tenant: string, own: TenantRows): void {
    const stream = this.parts.scan.streamName(row.streamId);
    if (!isReplayed(stream, tenant)) return;
    const fact = factOfRow(row);
    // Word of a family or the like in a stream of its own is nowhere looked for step by step.
    if (own.facts!.length === HELD || (stream.startsWith('token-') && !isAboutToken(fact))) own.facts = undefined;
    else own.facts!.push(fact);
  }

  /** Takes in what the ledger holds of a finding. */
  private hear(row: RawRow): void {
    if (!row.type.startsWith('tallystick.finding.')) return;
    const { tenant, subject, data } = factOfRow(row);
    this.store.of(tenant).say(subject, {
      revision: BigInt(row.revision),
      finding: agedTo(data['finding'] as Finding, undefined),
      stands: row.type !== fullType('finding.withdrawn'),
    });
  }

  private async judge(tenant: string, rows: TenantRows, from: Position, to: Position, now: number): Promise<Change[]> {
    const own = this.store.of(tenant);
    const judge = this.judgeOf(tenant);
    const { clocks, facts, conflicts, cause } = rows;
    // The clock may have been set back; what was judged stays judged.
    const T = Math.max(now, own.state()?.T ?? -Infinity);
    const steps = judge.judge({
      facts,
      conflicts,
      source: new JudgedPrefix(this.parts.scan, tenant, to, clocks),
      before: () => new JudgedPrefix(this.parts.scan, tenant, from, clocksOf(own.state())),
      T,
    });
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) await this.turn();
    const changes: Change[] = [];
    let n = 0;
    for (const id of [...step.value].sort()) {
      if (++n % TURN === 0) await this.turn();
      const change = changeOf(own.said(id), mergedFinding(own.partsOf(id)));
      if (change !== undefined) changes.push(change);
    }
    giveReasons(changes, cause, judge.links);
    return changes;
  }

  private judgeOf(tenant: string): Judge {
    let judge = this.judges.get(tenant);
    if (judge === undefined)
      this.judges.set(tenant, (judge = new Judge(this.store.of(tenant), () => this.parts.scan.streamCount())));
    return judge;
  }

  /** Appends what has to be said; gives the position of the last. */
  private async say(tenant: string, changes: readonly Change[], T: number): Promise<Position> {
    const own = this.store.of(tenant);
    let last: Position = 0n;
    for (let i = 0; i < changes.length; i += APPENDED) {
      await this.turn();
      const some = changes.slice(i, i + APPENDED);
      const appends: StreamAppend[] = some.map((change) => appendOf(tenant, change, T));
      const outcomes = await this.parts.ledger.appendMany(appends);
      for (const [n, outcome] of outcomes.entries()) {
        const { finding, type } = some[n]!;
        const { revision, position } = outcome.ok ? outcome : await this.sayAfter(appends[n]!, outcome.actual);
        own.say(finding.id, { revision, finding, stands: type !== 'finding.withdrawn' });
        if (position > last) last = position;
      }
    }
    return last;
  }

  /**
   * A source can name a stream of ours by chance or ill will: its events conclude nothing, and are written after.
   * @throws FindingsRefused if another follower has spoken
   */
  private async sayAfter(
    { stream, events, expected }: StreamAppend,
    actual: bigint | undefined,
  ): Promise<AppendResult> {
    const known = typeof expected === 'bigint' ? Number(expected) : -1;
    for (const { type, data, revision } of this.parts.scan.streamRows(stream))
      if (revision > known && isOwnConclusion({ type, source: headOf(data)?.source ?? OWN_SOURCE }))
        throw new FindingsRefused(stream, String(actual ?? 'none'));
    return this.parts.ledger.append(stream, events, actual ?? 'no_stream');
  }

  /** Own events need no judging: the cursor goes over them, up to the first fact that came in between. */
  private ownUpTo(from: Position, to: Position): Position {
    let position = from;
    for (const row of this.parts.scan.scanAll({ after: from, to })) {
      if (!isOwnConclusion({ type: row.type, source: headOf(row.data)?.source ?? '' })) break;
      position = BigInt(row.position);
    }
    return position;
  }

  private async turn(): Promise<void> {
    await setImmediate();
    if (this.isClosed || this.signal?.aborted === true) throw new JudgingStopped();
  }
}

/** A ledger prefix whose clocks are known without reading it again. */
class JudgedPrefix extends LedgerHistory {
  constructor(
    scan: LedgerScan,
    tenant: string,
    to: Position,
    private readonly known: SourceClocks,
  ) {
    super(scan, tenant, to);
  }

  override clocks(): SourceClocks {
    return this.known;
  }
}
