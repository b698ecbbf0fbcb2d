import { createHash } from 'node:crypto';
import type { Links } from '../links.js';
import type { Name } from '../names.js';
import { thresholdsOf, type Thresholds } from '../settings.js';
import type { TokenState } from '../state.js';
import { formatTime } from '../time.js';
import type { Finding, Severity, TokenView, Use } from '../view.js';
import type { Watermarks } from '../watermarks.js';
import type { World } from '../world.js';

/** A login: the issuance that opens a family. */
export interface Login {
  at: number;
  family?: Name;
}

/** What a rule may ask about other tokens; answers are as of the same cut. */
export interface Surroundings {
  view(name: Name): TokenView | undefined;
  /** The first login of this subject and client within (after, until], in another family. */
  loginWithin(
    subject: Name,
    client: Name,
    after: number,
    until: number,
    otherThan: Name | undefined,
  ): Login | undefined;
}

export interface FindingContext {
  view: TokenView;
  state: TokenState;
  world: World;
  links: Links;
  thresholds: Thresholds;
  watermarks: Watermarks;
  around: Surroundings;
  T: number;
}

export type Rule = (context: FindingContext) => Finding[];

/** The tenant-independent id of an incident: H(rule, anchor) (MODEL §5.8). */
export function findingId(rule: string, ...anchor: string[]): string {
  return createHash('sha256')
    .update([rule, ...anchor].join('\n'))
    .digest('hex')
    .slice(0, 32);
}

export function finding(
  rule: string,
  anchor: string[],
  fields: {
    kind: string;
    severity: Severity;
    provisional: boolean;
    tokens: Name[];
    summary: string;
    evidence: Record<string, unknown>;
  } & {
    family?: Name | undefined;
    gateway?: string | undefined;
  },
): Finding {
  const { family, gateway, ...rest } = fields;
  const out: Finding = { id: findingId(rule, ...anchor), rule, ...rest };
  if (family !== undefined) out.family = family;
  if (gateway !== undefined) out.gateway = gateway;
  return out;
}

/** Real acceptances: not dark launches, not lines from the future. */
export function acceptedUses(view: TokenView): Use[] {
  return view.uses.filter((use) => use.outcome === 'accepted' && use.shadow !== true);
}

/** Groups uses by gateway; a line without one stands under its source. */
export function byGateway(uses: readonly Use[]): Map<string, Use[]> {
  const out = new Map<string, Use[]>();
  for (const use of uses) {
    const key = use.gateway ?? use.source;
    const list = out.get(key);
    if (list === undefined) out.set(key, [use]);
    else list.push(use);
  }
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The instants of a use that are known exactly. */
export function instantsOf(use: Use): number[] {
  return use.first === use.last ? [use.first] : [use.first, use.last];
}

export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

export function contextOf(
  view: TokenView,
  state: TokenState,
  world: World,
  links: Links,
  watermarks: Watermarks,
  around: Surroundings,
  T: number,
): FindingContext {
  return { view, state, world, links, watermarks, around, T, thresholds: thresholdsOf(world.settings) };
}

export function at(time: number): string {
  return formatTime(time);
}
