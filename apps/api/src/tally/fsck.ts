import { setImmediate } from 'node:timers/promises';
import {
  AnalyticsDamaged,
  JournalLost,
  LedgerReplaced,
  type Analytics,
  type Difference,
  type FsckRow,
} from '#analytics';
import { StateDigest, stateLine } from '#lifecycle';
import { WrongUse } from './errors.js';
import type { Frames } from './frames.js';
import { progressRows } from './progress-rows.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { decodePosition, encodePosition, shown } from './when.js';

type Row = Record<string, unknown>;

/** How often what is left is repaired. */
const ROUNDS = 3;

/** Units that are folded before other work has its turn. */
const TURN = 500;

/**
 * Compares ledger and ClickHouse: rows tell how far it is, and each difference with its repair. ClickHouse catches up
 * first, to where the ledger ended when the check began; where it cannot, that is no agreement. With `repair`, what can
 * be repaired in place is, and then all is compared again: what is told then is what is left. The verdict is in the end.
 * @throws WrongUse if `from` is past what can be compared.
 */
export function checkAnalytics(params: ReadParams<'fsck'>, stores: Stores, frames: Frames): Answer {
  const { repair, states } = params;
  const { analytics: access } = stores;
  const head = Number(stores.scan.head());
  const from = positionOf(params.from);
  refusePast(from, head, 'where the ledger ends');
  let reached = 0;
  let differences = 0;
  let repaired = 0;
  let isOver = false;
  async function* rows(): AsyncGenerator<Row> {
    const found: Difference[] = [];
    yield* access.streamAsItIs(async function* (analytics): AsyncGenerator<Row> {
      yield* caughtUp(analytics);
      for await (const row of analytics.fsck(from)) {
        if (row.kind === 'begin') {
          reached = row.reached;
          refusePast(from, reached, 'what ClickHouse has reached');
          continue;
        }
        if (row.kind === 'difference') found.push(row.difference);
        if (row.kind === 'progress' || !repair) yield shownRow(row);
      }
      // What one repair uncovers, the next one repairs.
      for (let round = 0; repair && round < ROUNDS && found.length > 0; round++) {
        yield { kind: 'progress', step: 'repair', reached: 0, head: found.length };
        const tried = await analytics.repair(found);
        repaired += tried;
        if (tried === 0) break;
        found.length = 0;
        for await (const row of analytics.fsck(from)) {
          if (row.kind === 'difference') found.push(row.difference);
          else if (row.kind === 'progress') yield shownRow(row);
        }
      }
      if (repair) for (const difference of found) yield shownRow({ kind: 'difference', difference });
    });
    differences = found.length;
    if (states && differences === 0 && reached > 0)
      for await (const row of statesOf(stores, frames)) {
        if (row['kind'] === 'difference') differences++;
        yield row;
      }
    isOver = true;
  }
  return {
    kind: 'rows',
    rows: rows(),
    keyOf: (_row, index) => String(index),
    pinned: {},
    end: () => {
      const lagEvents = Math.max(0, head - reached);
      const where = { reached: encodePosition(BigInt(reached)), head: encodePosition(BigInt(head)), lagEvents };
      return {
        agree: isOver && differences === 0 && lagEvents === 0,
        differences,
        ...where,
        ...(repair && { repaired }),
      };
    },
  };
}

/** What keeps the tables from following is named by the check itself. */
async function* caughtUp(analytics: Analytics): AsyncGenerator<Row> {
  try {
    const steps = progressRows<Row>(async (tell, signal) => {
      const shownStep = (reached: bigint, head: bigint): Row => ({
        kind: 'progress',
        step: 'catching up',
        reached: Number(reached),
        head: Number(head),
      });
      const end = await analytics.catchUp({ signal, onProgress: (step) => tell(shownStep(step.reached, step.head)) });
      return shownStep(end.reached, end.head);
    });
    yield* steps;
  } catch (error) {
    if (!UNFOLLOWING.some((type) => error instanceof type)) throw error;
  }
}

const UNFOLLOWING = [AnalyticsDamaged, JournalLost, LedgerReplaced];

/** `p50`, `position:p50`, or the position as a number. */
function positionOf(text: string): number {
  const digits = text.replace(/^position:/, '');
  return digits.startsWith('p') ? Number(decodePosition(digits)) : Number(digits);
}

function refusePast(from: number, last: number, what: string): void {
  if (from <= last || from === 0) return;
  const [asked, end] = [encodePosition(BigInt(from)), encodePosition(BigInt(last))];
  throw new WrongUse('--from', `${asked} (${from}) is past ${end} (${last}), ${what}: nothing would be compared`);
}

function shownRow(row: Exclude<FsckRow, { kind: 'begin' }>): Row {
  if (row.kind === 'progress') return { ...row };
  const { names: _names, repair, ...difference } = row.difference;
  return { kind: 'difference', ...difference, repair: REPAIRS[repair] };
}

const REPAIRS: Readonly<Record<Difference['repair'], string>> = {
  range: 'tally fsck --repair',
  names: 'tally fsck --repair',
  table: 'tally fsck --repair',
  chunk: 'tally fsck --repair',
  rebuild: 'tally analytics rebuild',
};

/** The state digest of every tenant's tokens (MODEL §5.9), at what ClickHouse has reached: the sum of all tables. */
async function* statesOf(stores: Stores, frames: Frames): AsyncGenerator<Row> {
  const analytics = await stores.analytics.open();
  const reached = await analytics.reached();
  const at = { asOf: `time:${shown(stores.clock())}`, asKnownAt: `position:${encodePosition(reached)}` };
  const tenants = new Set(['default', ...stores.secrets.tenants()]);
  for (const tenant of tenants) {
    yield { kind: 'progress', step: `state of ${tenant}`, reached: Number(reached), head: Number(reached) };
    const fast = await frames.analyticsFrame({ tenant, ...at }, 'all');
    if (fast === undefined) continue;
    const frame = await frames.frame({ tenant, ...at });
    const [ours, theirs] = [new StateDigest(), new StateDigest()];
    let n = 0;
    for (const { view } of frame.history.views(frame.cut, frame.borders)) {
      if (++n % TURN === 0) await setImmediate();
      if (view.kind !== 'consumer') ours.addLine(stateLine(view));
    }
    for await (const line of fast.states.lines(fast.cut)) theirs.addLine(line);
    const [expected, found] = [ours.hex(), theirs.hex()];
    if (expected === found) continue;
    const detail = `tenant ${tenant}: the ledger's state digest is ${expected} (${ours.count} tokens), that of ClickHouse ${found} (${theirs.count})`;
    const where = { table: 'state', start: 1, end: Number(reached), what: 'differs', rows: 1 };
    yield { kind: 'difference', ...where, detail, repair: REPAIRS.rebuild };
  }
}
