import {
  cutFor,
  factOf,
  kindOfName,
  nameOf,
  nameOfTokenDigest,
  shortType,
  type FoldedView,
  type Name,
  type RecordedFact,
} from '#lifecycle';
import { openBox } from '#security';
import { NotFound, WrongUse } from './errors.js';
import type { Frame } from './frame.js';
import type { AnalyticsFrame, Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { tokenAnswer } from './token-answer.js';
import { encodePosition, shown } from './when.js';

type Selector = Pick<ReadParams<'token.show'>, 'tenant' | 'name' | 'jti' | 'issuer' | 'sha256'>;

/** The names that a selector may mean: one under each version of the tenant's secrets. */
function namesOf(selector: Selector, stores: Stores): Name[] {
  if (selector.name !== undefined) return [selector.name];
  const versions = stores.secrets.versions(selector.tenant);
  if (selector.sha256 !== undefined) {
    const names = versions.map((secrets) => nameOfTokenDigest(secrets, selector.sha256!));
    if (names.some((name) => name === undefined)) throw new WrongUse('sha256', 'is no SHA-256 of a token in hex');
    return names as Name[];
  }
  if (selector.jti !== undefined && selector.issuer !== undefined) {
    return versions.map((secrets) => nameOf(secrets, 'jti', selector.issuer!, selector.jti!));
  }
  throw new WrongUse('token', 'must be given as NAME, as --jti with --issuer, or by --token-stdin');
}

/** The tokens that a selector means: one, or every part of a conflicting identity. */
export function select(selector: Selector, frame: Frame, stores: Stores): FoldedView[] {
  const { links } = frame.history;
  for (const name of namesOf(selector, stores)) {
    const parts = frame.history.unitViews(name, frame.cut, frame.borders);
    const exact = parts.filter((part) => part.view.name === links.current(name));
    if (exact.length > 0) return exact;
    if (parts.length > 0) return parts;
    // A token that shows several jtis (D17) is none of them alone: all of them are meant.
    const rivals = links.rivalJtisOf(links.current(name));
    const views = rivals.flatMap((jti) => frame.history.unitViews(jti, frame.cut, frame.borders));
    if (views.length > 0) return [...new Map(views.map((each) => [each.view.name, each])).values()];
  }
  throw new NotFound(describe(selector), 'Check issuer and jti byte for byte, or ask with --as-of at a later time.');
}

function describe(selector: Selector): string {
  if (selector.name !== undefined) return `token ${selector.name}`;
  return selector.jti === undefined ? 'that token' : `a token with that jti of ${selector.issuer}`;
}

/** As `select`, out of ClickHouse. */
async function selectFrom(selector: Selector, frame: AnalyticsFrame, stores: Stores): Promise<FoldedView[]> {
  const { states, cut, borders } = frame;
  for (const name of namesOf(selector, stores)) {
    const { views, links } = await states.tokens([name], cut, borders);
    const exact = views.filter(({ view }) => view.name === links.current(name));
    if (exact.length > 0) return exact;
    if (views.length > 0) return views;
    const rivals = links.rivalJtisOf(links.current(name));
    // A part that no tok names has no stream: its jti shares half of its name (ADR 0003).
    const others = rivals.length > 0 || kindOfName(name) !== 'jti' ? rivals : await states.namesWith(name.slice(0, 16));
    if (others.length === 0) continue;
    const found = (await states.tokens(others, cut, borders)).views;
    const meant = rivals.length > 0 ? found : found.filter(({ view }) => view.name === name);
    if (meant.length > 0) return [...new Map(meant.map((each) => [each.view.name, each])).values()];
  }
  throw new NotFound(describe(selector), 'Check issuer and jti byte for byte, or ask with --as-of at a later time.');
}

export async function showToken(params: ReadParams<'token.show'>, stores: Stores, frames: Frames): Promise<Answer> {
  const fast = await frames.analyticsFrame(params, 'few');
  const frame = fast ?? (await frames.frame(params));
  const selected = fast === undefined ? select(params, frame, stores) : await selectFrom(params, fast, stores);
  const answers = selected.map(({ view }) => tokenAnswer(view, frame));
  return { kind: 'value', value: answers.length === 1 ? answers[0] : answers };
}

/**
 * Every fact that bears on a token: its own, and those of its families, fences, subject and key. With `asOf`, those
 * alone that had taken effect by then, each by the cut of its gateway.
 */
export async function tokenHistory(
  params: ReadParams<'token.history'>,
  stores: Stores,
  frames: Frames,
): Promise<Answer> {
  const frame = await frames.frame(params);
  const parts = select(params, frame, stores);
  const { history } = frame;
  const streams = new Set<string>();
  const partsOnly = new Set(parts.map((part) => part.view.name));
  for (const { view } of parts) {
    const unit = history.links.unitOf(view.partOf ?? view.name);
    for (const name of [unit.center, ...unit.leaves, ...unit.restrictedBy]) {
      for (const each of [name, ...history.links.formerNames(name)]) streams.add(`token-${each}`);
    }
    if (view.family !== undefined)
      for (const grant of history.links.grantsOf(view.family)) streams.add(`family-${grant}`);
    for (const mark of [view.subject, view.client, view.kidName, ...view.sessions])
      if (mark !== undefined) streams.add(`fence-${mark}`);
    if (view.subject !== undefined) streams.add(`subject-${view.subject}`);
    if (view.kidName !== undefined) streams.add(`issuerkey-${view.kidName}`);
  }
  const facts: RecordedFact[] = [];
  const isBefore = (fact: RecordedFact): boolean =>
    params.asOf === undefined || fact.time <= cutFor(frame.cut, fact.gateway);
  for (const stream of streams) {
    for await (const event of stores.ledger.readStream(stream)) {
      if (event.position > frame.position) continue;
      const fact = factOf(event);
      if (fact.tenant === params.tenant && isBefore(fact) && bearsOn(fact, partsOnly, frame, parts)) facts.push(fact);
    }
  }
  const byEffect = (a: RecordedFact, b: RecordedFact): number => a.time - b.time || Number(a.position - b.position);
  const byRecord = (a: RecordedFact, b: RecordedFact): number => Number(a.position - b.position);
  facts.sort(params.order === 'recorded' ? byRecord : byEffect);
  const skip = Number(params.after ?? 0);
  const entries = facts.slice(skip).map((fact) => entryOf(fact, params.personal, frame, stores));
  return {
    kind: 'rows',
    rows: entries,
    keyOf: (_row, index) => String(skip + index + 1),
    pinned: {
      ...(params.asOf === undefined ? {} : { asOf: params.asOf }),
      asKnownAt: `position:${frame.knownAt.position}`,
    },
  };
}

/** Of a conflicting identity's facts, those of the parts asked for and those that no part can claim for itself. */
function bearsOn(fact: RecordedFact, names: ReadonlySet<Name>, frame: Frame, parts: readonly FoldedView[]): boolean {
  const tok = fact.names.tok === undefined ? undefined : frame.history.links.current(fact.names.tok);
  const conflict = parts.some((part) => part.view.partOf !== undefined);
  return !conflict || tok === undefined || names.has(tok) || !fact.type.startsWith('tallystick.token.');
}

function entryOf(fact: RecordedFact, personal: boolean, frame: Frame, stores: Stores): Record<string, unknown> {
  const resolved = frame.history.world.resolver.resolve(fact);
  const entry: Record<string, unknown> = {
    effectiveAt: shown(fact.time),
    recordedAt: shown(fact.recordedAt),
    position: encodePosition(fact.position),
    type: shortType(fact.type) ?? fact.type,
    source: fact.source,
    authority: resolved?.authority ?? 'distrusted',
    counts: resolved !== undefined && resolved.authority !== 'claimed',
    gateway: fact.gateway ?? null,
    region: fact.region ?? null,
    version: fact.version ?? null,
    api: fact.api ?? null,
    conflicting: resolved?.conflicting ?? false,
    names: fact.names,
    data: fact.data,
    id: fact.id,
  };
  if (personal && fact.personal !== undefined) {
    entry['personal'] = openBox(fact.personal, fact.id, (keyId) => stores.keys.keyOf(keyId)) ?? 'erased';
  }
  return entry;
}
