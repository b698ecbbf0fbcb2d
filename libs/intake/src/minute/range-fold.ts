import { placementOf, type SourceProfile } from '#lifecycle';
import type { Draft } from '#sources';
import { isSameUse, knownOnly, plainUseOf, segmentOf, textOfToken, textOfUse, type FactsReading } from './use-shape.js';

const MINUTE = 60_000;
/** Refusals of one token for one reason that a range keeps one by one. */
export const REFUSALS_KEPT = 16;

/** The uses of one token in one minute of one range that differ in nothing but their time. */
export interface Summary {
  source: string;
  /** The name whose stream it stands in. */
  subject: string;
  /** Minutes since 1970. */
  minute: number;
  /** What tells it apart from the other summaries of that token and minute. */
  dimensions: string;
  /** What every member says; its time is that of the earliest. */
  draft: Draft;
  count: number;
  firstAt: number;
  lastAt: number;
  /** JSON of the members' source ids and dedupe fields, in the order of the input: see `membersText`. */
  members: string;
}

/**
 * `keep`: a fact of its own. `fold`: it waits for `close`. `duplicate`: this range has it already. A reading: keep
 * both, for an earlier record with the same id and other content had been folded (MODEL §2.2).
 */
export type Taken = 'keep' | 'fold' | 'duplicate' | FactsReading;

/** A record of this range. */
interface Member {
  time: number;
  sourceId: string;
  /** Its dedupe fields; of a folded one those that differ from its shape's, each behind its place. */
  dedupe: readonly (string | number)[];
  /** Set once it is folded. */
  shape?: Shape;
  /** Another variant of the same record. */
  other?: Member;
}

/** Uses that are the same but for their time. */
interface Shape {
  known: Draft;
  /** Of the record that showed it first. */
  dedupe: readonly string[];
  segment: number;
  text: string;
  minutes: Map<number, Member[]>;
}

/** What a range has seen of one token. */
interface TokenUses {
  /** The shapes that uses had last: most repeat one. */
  recent: Shape[];
  shapes: Map<string, Shape>;
  /** What was new once: versions at gateways, networks, agents, and what is said of the token. */
  known: Set<string>;
  refusals: Map<string, number>;
}

interface SourceRecords {
  byId: Map<string, Member>;
  tokens: Map<string, TokenUses>;
}

const RECENT = 4;

/**
 * The uses of one fixed range of input in minute mode (MODEL §2.5). What is kept is decided by the records before it
 * in the range alone, and the summaries by the range alone: the same range, cut into whatever batches and read
 * however often, gives the same. Memory is bounded by the records of the range.
 */
export class RangeFold {
  private readonly sources = new Map<string, SourceRecords>();

  /**
   * The line of the first record that was taken since this was made or closed. Up to it nothing depends on the range:
   * reading may begin there and gives the same.
   */
  first: number | undefined;

  /** Takes the next record of the range, of a source in minute mode. */
  take(reading: FactsReading, profile: Pick<SourceProfile, 'name'>, line: number): Taken {
    this.first ??= line;
    const records = this.recordsOf(profile.name);
    const { sourceId, dedupe } = reading;
    const member: Member = { time: reading.drafts[0]?.time ?? 0, sourceId, dedupe };
    const known = records.byId.get(sourceId);
    if (known !== undefined) return again(known, member);
    records.byId.set(sourceId, member);
    const use = plainUseOf(reading);
    if (use === undefined) return 'keep';
    return fold(records.tokens, use, member, dedupe) ? 'fold' : 'keep';
  }

  /** What was folded, in the order in which it first came; forgets it all. */
  close(): Summary[] {
    const out: Summary[] = [];
    for (const [source, { tokens }] of this.sources) {
      for (const [subject, { shapes }] of tokens) {
        for (const shape of shapes.values()) {
          for (const [minute, members] of shape.minutes) {
            // A use that turned out to be a variant of another record was taken out again.
            if (members.length > 0) out.push(summaryOf(source, subject, shape, minute, members));
          }
        }
      }
    }
    this.sources.clear();
    this.first = undefined;
    return out;
  }

  private recordsOf(source: string): SourceRecords {
    let records = this.sources.get(source);
    if (records === undefined) this.sources.set(source, (records = { byId: new Map(), tokens: new Map() }));
    return records;
  }
}

/** A record id that this range has seen: the same record again, or another variant of it. */
function again(first: Member, member: Member): Taken {
  for (let known: Member | undefined = first; known !== undefined; known = known.other) {
    if (isSameList(dedupeOf(known), member.dedupe)) return 'duplicate';
  }
  if (first.other !== undefined) member.other = first.other;
  first.other = member;
  const { shape } = first;
  if (shape === undefined) return 'keep';
  const members = shape.minutes.get(minuteOf(first.time))!;
  members.splice(members.indexOf(first), 1);
  const dedupe = dedupeOf(first);
  first.dedupe = dedupe;
  delete first.shape;
  const draft: Draft = { ...shape.known, time: first.time };
  return { kind: 'facts', sourceId: first.sourceId, dedupe, drafts: [draft] };
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** The fields that differ, each behind its place: thousands of members wait at a time, and differ in little. */
function differences(dedupe: readonly string[], from: readonly string[]): (string | number)[] {
  const out: (string | number)[] = [];
  for (let i = 0; i < dedupe.length; i++) if (dedupe[i] !== from[i]) out.push(i, dedupe[i]!);
  return out;
}

/** All dedupe fields of a record; every record of one source has the same number of them. */
function dedupeOf({ dedupe, shape }: Member): string[] {
  if (shape === undefined) return dedupe as string[];
  const out = [...shape.dedupe];
  for (let i = 0; i < dedupe.length; i += 2) out[dedupe[i] as number] = dedupe[i + 1] as string;
  return out;
}

/** Folds a use unless something of it is new to the range, or a refusal that is still to be kept. */
function fold(tokens: Map<string, TokenUses>, use: Draft, member: Member, dedupe: readonly string[]): boolean {
  const subject = use.subject ?? placementOf(use.names) ?? '';
  let token = tokens.get(subject);
  if (token === undefined) {
    token = { recent: [], shapes: new Map(), known: new Set(), refusals: new Map() };
    tokens.set(subject, token);
  }
  const segment = segmentOf(use);
  const seen = shapeOf(token, use, segment, dedupe);
  if (use.type === 'token.rejected' && keepsRefusal(token, use)) {
    if (seen.isNew) noteAll(token.known, use, segment);
    return false;
  }
  if (seen.isNew && noteAll(token.known, use, segment)) return false;
  const { shape } = seen;
  if (dedupe.length !== shape.dedupe.length) return false;
  const minute = minuteOf(member.time);
  const members = shape.minutes.get(minute);
  if (members === undefined) shape.minutes.set(minute, [member]);
  else members.push(member);
  member.shape = shape;
  member.dedupe = differences(dedupe, shape.dedupe);
  return true;
}

function shapeOf(
  token: TokenUses,
  use: Draft,
  segment: number,
  dedupe: readonly string[],
): { shape: Shape; isNew: boolean } {
  for (const shape of token.recent) {
    if (shape.segment === segment && isSameUse(shape.known, use)) return { shape, isNew: false };
  }
  const text = `${segment}${textOfUse(use)}`;
  let shape = token.shapes.get(text);
  const isNew = shape === undefined;
  if (shape === undefined) {
    shape = { known: knownOnly(use), dedupe, segment, text, minutes: new Map() };
    token.shapes.set(text, shape);
  }
  if (token.recent.length === RECENT) token.recent.shift();
  token.recent.push(shape);
  return { shape, isNew };
}

function keepsRefusal({ refusals }: TokenUses, { data }: Draft): boolean {
  const reason = typeof data['reason'] === 'string' ? data['reason'] : '';
  const kept = refusals.get(reason) ?? 0;
  if (kept >= REFUSALS_KEPT) return false;
  refusals.set(reason, kept + 1);
  return true;
}

/** Remembers what a use shows; true if any of it is new to this range. */
function noteAll(known: Set<string>, use: Draft, segment: number): boolean {
  const before = known.size;
  known.add(`at ${JSON.stringify([use.version, use.gateway, segment])}`);
  if (use.names.net !== undefined) known.add(`net ${use.names.net}`);
  if (typeof use.data['agent'] === 'string') known.add(`agent ${use.data['agent']}`);
  known.add(`token ${textOfToken(use)}`);
  return known.size > before;
}

function minuteOf(time: number): number {
  return Math.floor(time / MINUTE);
}

/** `[fields of the shape, [[source id, [place, field, place, field …]], …]]`: the fields that differ, by place. */
function membersText({ dedupe }: Shape, members: readonly Member[]): string {
  return JSON.stringify([dedupe, members.map((member) => [member.sourceId, member.dedupe])]);
}

function summaryOf(source: string, subject: string, shape: Shape, minute: number, members: Member[]): Summary {
  let [firstAt, lastAt] = [Infinity, -Infinity];
  for (const { time } of members) {
    if (time < firstAt) firstAt = time;
    if (time > lastAt) lastAt = time;
  }
  return {
    source,
    subject,
    minute,
    dimensions: shape.text,
    draft: { ...shape.known, time: firstAt },
    count: members.length,
    firstAt,
    lastAt,
    members: membersText(shape, members),
  };
}
