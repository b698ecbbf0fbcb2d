import { predict, produced, UnknownVersionError, type ProducedContext } from '#deployments';
import { isName, StateDigest, stateLine, type NameRange, type TokenView } from '#lifecycle';
import { componentOf, deploymentIntervals } from './cuts.js';
import { WrongUse } from './errors.js';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import { SortedRows } from './sorted-rows.js';
import { isWorthThreads, linesInThreads } from './state-threads.js';
import { inTurns } from './turns.js';
import { parseAsOf, shown } from './when.js';

/**
 * The state of every token, in order of name: each row holds the very texts of its line in the state digest
 * (MODEL §5.9). `effective` adds what the version would do with the token.
 */
export async function listState(params: ReadParams<'state'>, frames: Frames): Promise<Answer> {
  const { projection, asOf } = params;
  if (projection !== 'time' && (asOf === undefined || 'time' in parseAsOf(asOf))) {
    throw new WrongUse('--projection', `${projection} asks about a version: use --as-of version:V`);
  }
  const isPlain = projection === 'time' && (params.after === undefined || isName(params.after));
  const fast = isPlain ? await frames.analyticsFrame(params, 'all') : undefined;
  // P3 is what the version would do now, P1 and P2 are cut when it ended (MODEL §7).
  const frame = fast ?? (await frames.frame(projection === 'effective' ? { ...params, asOf: undefined } : params));
  const digest = new StateDigest();
  const counted = { ambiguous: 0, unknown: 0 };
  const { project, asked } = projectionOf(params, frame, frames, counted);
  async function* lines(): AsyncGenerator<string> {
    if (fast !== undefined) {
      yield* fast.states.lines(
        fast.cut,
        params.after === undefined ? {} : { from: nameAfter(params.after), page: A_PAGE },
      );
      return;
    }
    if (params.after === undefined && projection === 'time' && isWorthThreads(frame, frames)) {
      yield* linesInThreads(frame, frames.ledger);
      return;
    }
    // A page is read in order of name from where it begins; the whole is read as it lies, and sorted.
    const range: NameRange = params.after === undefined ? { order: 'any' } : { from: `${params.after}!` };
    const sorted = params.after === undefined ? new SortedRows() : undefined;
    for await (const { view } of inTurns(frame.history.views(frame.cut, frame.borders, range))) {
      const projected = view.kind === 'consumer' ? undefined : project(view);
      if (projected === undefined) continue;
      const line = stateLine(projected.view) + projected.more.join('\t');
      if (sorted === undefined) yield line;
      else sorted.add(projected.view.name, line);
    }
    if (sorted !== undefined) yield* inTurns(sorted.drain());
  }
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for await (const text of lines()) {
      const end = text.indexOf('\n') + 1;
      digest.addLine(text.slice(0, end));
      const [name, status, flags, endedAt, expiry, family] = text.slice(0, end - 1).split('\t');
      const [effective, why] = text.slice(end).split('\t');
      const row = { name, status, flags, endedAt, expiry, family };
      yield params.projection === 'effective' ? { ...row, effective, why } : row;
    }
  }
  return {
    kind: 'rows',
    rows: rows(),
    keyOf: (row) => String(row['name']),
    pinned: { asOf: asOf ?? `time:${shown(frame.cut.T)}`, asKnownAt: `position:${frame.knownAt.position}` },
    end: () => ({
      // A page is not the whole: its counts and digest would say nothing.
      ...(params.after === undefined ? { tokens: digest.count, digest: digest.hex() } : {}),
      projection,
      ...(fast === undefined ? { from: 'ledger' } : { from: 'clickhouse', judged: fast.states.share.judged }),
      asOf: { ...frame.asOf, ...asked },
      knownAt: frame.knownAt,
      settings: frame.history.world.settingsDigest,
      ...(projection === 'produced' && params.after === undefined ? { leftOut: counted } : {}),
    }),
  };
}

/** Tokens that ClickHouse reads at a time for whoever asks page by page. */
const A_PAGE = 5_000;

/** The name that follows a name directly. */
function nameAfter(name: string): string {
  return (BigInt(`0x${name}`) + 1n).toString(16).padStart(32, '0');
}

/** `more`: further columns, for `effective` what the version would do and why. */
type Projected = { view: TokenView; more: string[] } | undefined;

interface Projection {
  project(view: TokenView): Projected;
  /** For `effective`: the version that was asked about, and whether anything is known of what it accepts. */
  asked?: { version: string; component: string; contract: boolean };
}

function projectionOf(
  params: ReadParams<'state'>,
  frame: Frame,
  frames: Frames,
  counted: { ambiguous: number; unknown: number },
): Projection {
  if (params.projection === 'time') return { project: (view) => ({ view, more: [] }) };
  const { history } = frame;
  const intervals = deploymentIntervals(history, frames.sightingsOf(frame), frame.tenant);
  const component = componentOf(intervals, params.component);
  const version = params.asOf!.slice('version:'.length);
  const contract = history.world.contractOf(component, version);
  if (params.projection === 'effective') {
    if (contract === undefined && !intervals.some((i) => i.component === component && i.version === version)) {
      throw new UnknownVersionError(
        component,
        version,
        [...new Set(intervals.filter((i) => i.component === component).map((i) => i.version))].sort(),
      );
    }
    const project = (view: TokenView): Projected => {
      const prediction = predict(contract, view, frame.cut.T);
      const why =
        prediction.kind === 'refuse'
          ? prediction.reason
          : prediction.kind === 'misread'
            ? `${prediction.claim}: ${prediction.effect}`
            : prediction.kind === 'unknown'
              ? prediction.why
              : '-';
      return { view, more: [prediction.kind, why] };
    };
    return { project, asked: { version, component, contract: contract !== undefined } };
  }
  const lineages = new Map<string, readonly string[]>();
  for (const fact of history.world.deployments) {
    if (fact.data['component'] === component && Array.isArray(fact.data['lineage']))
      lineages.set(String(fact.data['version']), fact.data['lineage'] as string[]);
  }
  const roles = contract?.role === undefined ? [] : [contract.role].flat();
  const context: ProducedContext = {
    intervals: intervals.filter((i) => i.component === component),
    version,
    component,
    lineages,
    issues: roles.includes('issuer'),
    componentOf: (source) => history.world.resolver.profile(source)?.component,
    clockErrorOf: (source) => (source === undefined ? 0 : (history.world.resolver.profile(source)?.clockError ?? 0)),
  };
  const project = (view: TokenView): Projected => {
    const own = produced(view, context);
    counted.ambiguous += own.ambiguous;
    counted.unknown += own.unknown;
    return own.view === undefined ? undefined : { view: own.view, more: [] };
  };
  return { project };
}
