import { SEVERITIES, type Finding, type Name } from '#lifecycle';
import { StoredFindings } from '#analytics';
import { ruleFilter } from './finding-rules.js';
import type { Frame } from './frame.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { select } from './tokens.js';
import { stepByStep } from './turns.js';
import { encodePosition, parseAsOf, parseKnownAt, shown } from './when.js';

/** Findings, and what they are as of; the same whether they were stored or computed for the question. */
interface Found {
  all: readonly Finding[];
  T: number;
  asOf: Record<string, unknown>;
  knownAt: Frame['knownAt'];
  /** Where they are from; everything up to `knownAt` was judged. */
  from: 'stored' | 'history';
}

/** Findings as of T, as known at K; `--severity` means that or worse. */
export async function listFindings(params: ReadParams<'findings'>, stores: Stores, frames: Frames): Promise<Answer> {
  const { all, T, asOf, knownAt, from } =
    (await storedFindings(params, stores)) ?? (await computedFindings(params, frames));
  const floor = params.severity === undefined ? 0 : SEVERITIES.indexOf(params.severity);
  const isOfRule = ruleFilter(params.rule, all);
  const { token } = params;
  const about = token === undefined ? undefined : await namesOf(token, all, { ...params, knownAt }, stores, frames);
  const wanted = all.filter(
    (finding) =>
      SEVERITIES.indexOf(finding.severity) >= floor &&
      isOfRule(finding) &&
      (about === undefined || finding.tokens.some((each) => about.has(each))),
  );
  const skip = Number(params.after ?? 0);
  const rows = wanted.slice(skip).map((finding) => ({
    id: finding.id,
    rule: finding.rule,
    kind: finding.kind,
    severity: finding.severity,
    provisional: finding.provisional,
    tokens: finding.tokens,
    family: finding.family ?? null,
    gateway: finding.gateway ?? null,
    summary: finding.summary,
    evidence: finding.evidence,
  }));
  return {
    kind: 'rows',
    rows,
    keyOf: (_row, index) => String(skip + index + 1),
    pinned: {
      asOf: params.asOf ?? `time:${new Date(T).toISOString()}`,
      asKnownAt: `position:${knownAt.position}`,
    },
    end: () => ({ findings: wanted.length, asOf, knownAt, judged: { position: knownAt.position, from } }),
  };
}

/**
 * The findings that the follower keeps, if it has come as far as is asked: no history is read. Where this process may
 * write, it judges what came in since first, and answers as known then.
 */
async function storedFindings(params: ReadParams<'findings'>, stores: Stores): Promise<Found | undefined> {
  const asked = whenAsked(params);
  if (asked === undefined) return undefined;
  // What keeps findings from being written (a full disk) keeps no answer back: it is computed.
  const judged = asked.position === undefined ? await stores.follower?.catchUp().catch(() => undefined) : undefined;
  const position = asked.position ?? judged?.position ?? (await stores.ledger.head());
  const stored = StoredFindings.open(stores.directory.file('findings'));
  try {
    const [row] = position === 0n ? [] : [...stores.scan.scanAll({ after: position - 1n, to: position })];
    const T = asked.T ?? stores.clock();
    const all = stored?.at(params.tenant, position, row?.recordedAt ?? 0, T);
    if (all === undefined) return undefined;
    const knownAt = { position: encodePosition(position), time: shown(row?.recordedAt) };
    return { all, T, asOf: { time: shown(T) }, knownAt, from: 'stored' };
  } finally {
    stored?.close();
  }
}

/** T and K as asked, where stored findings may answer: not for a version, nor as known at a time. */
function whenAsked({ asOf, asKnownAt }: ReadParams<'findings'>): { T?: number; position?: bigint } | undefined {
  const [of, at] = [asOf && parseAsOf(asOf), asKnownAt && parseKnownAt(asKnownAt)];
  const out: { T?: number; position?: bigint } = {};
  if (of) {
    if (!('time' in of)) return undefined;
    out.T = of.time;
  }
  if (at) {
    if (!('position' in at)) return undefined;
    out.position = at.position;
  }
  return out;
}

async function computedFindings(params: ReadParams<'findings'>, frames: Frames): Promise<Found> {
  const frame = await frames.frame(params);
  const all = await stepByStep(frame.history.findingsInSteps(frame.cut));
  return { all, T: frame.cut.T, asOf: frame.asOf, knownAt: frame.knownAt, from: 'history' };
}

/** The names of a token in findings. @throws NotFound if neither a finding nor anything else speaks of it */
async function namesOf(
  token: Name,
  all: readonly Finding[],
  when: ReadParams<'findings'> & { knownAt: Frame['knownAt'] },
  stores: Stores,
  frames: Frames,
): Promise<Set<Name>> {
  const frame = await frames.frame({ ...when, asKnownAt: `position:${when.knownAt.position}` });
  const { links } = frame.history;
  const names = new Set([links.current(token), ...links.rivalJtisOf(links.current(token))]);
  if (!all.some((finding) => finding.tokens.some((each) => names.has(each))))
    select({ tenant: frame.tenant, name: token }, frame, stores);
  return names;
}
