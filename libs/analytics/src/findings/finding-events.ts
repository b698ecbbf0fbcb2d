import { createHash } from 'node:crypto';
import {
  agedTo,
  findingStream,
  fullType,
  OWN_SOURCE,
  storedJson,
  type ConclusionType,
  type Finding,
  type Links,
  type Withdrawal,
} from '#lifecycle';
import type { StreamAppend } from '#ledger';
import type { Said } from './tenant-findings.js';

/** What became of one finding in a step. */
export interface Change {
  type: ConclusionType;
  /** As it stands now; of a withdrawn one, as it stood last. */
  finding: Finding;
  /** The revision that its event gets. */
  revision: bigint;
  reason?: Withdrawal;
  by?: string;
}

/** What has to be said of a finding; undefined where it was said already. */
export function changeOf(said: Said | undefined, now: Finding | undefined): Change | undefined {
  const revision = said === undefined ? 0n : said.revision + 1n;
  if (now === undefined) {
    if (said === undefined || !said.stands) return undefined;
    return { type: 'finding.withdrawn', finding: said.finding, revision, reason: 'later facts' };
  }
  if (said === undefined || !said.stands) return { type: 'finding.raised', finding: now, revision };
  return JSON.stringify(said.finding) === JSON.stringify(now)
    ? undefined
    : { type: 'finding.amended', finding: now, revision };
}

/**
 * Says why findings were withdrawn: where a token of it got another name under which the same rule holds now, that
 * finding took its place (MODEL §5.8).
 */
export function giveReasons(changes: readonly Change[], cause: Withdrawal, links: Links | undefined): void {
  const raised = new Map<string, Change[]>();
  for (const change of changes) {
    if (change.type === 'finding.withdrawn') continue;
    for (const token of change.finding.tokens) {
      const key = placeOf(change.finding, token);
      raised.set(key, [...(raised.get(key) ?? []), change]);
    }
  }
  for (const change of changes) {
    if (change.type !== 'finding.withdrawn') continue;
    change.reason = cause;
    const heirs = change.finding.tokens.flatMap((token) => {
      const now = links?.canonical(token) ?? token;
      return now === token ? [] : (raised.get(placeOf(change.finding, now)) ?? []);
    });
    const heir = heirs.map(({ finding }) => finding.id).sort()[0];
    if (heir !== undefined) Object.assign(change, { reason: 'names merged', by: heir } satisfies Partial<Change>);
  }
}

function placeOf({ rule, gateway }: Finding, token: string): string {
  return `${rule}\n${gateway ?? ''}\n${token}`;
}

/**
 * The append of one change. Its id comes from what it says and where it stands, so that saying it again after a crash
 * is the same event.
 * @param T of the judging: when the conclusion was drawn.
 */
export function appendOf(tenant: string, { type, finding, revision, reason, by }: Change, T: number): StreamAppend {
  const told = agedTo(finding, T);
  const content = JSON.stringify([tenant, type, finding, reason ?? null, by ?? null, String(revision)]);
  const hex = createHash('sha256').update(content).digest('hex');
  const key = hex.slice(0, 32);
  const fact = {
    id: '',
    type: fullType(type),
    source: OWN_SOURCE,
    tenant,
    subject: finding.id,
    time: T,
    names: {},
    data: { finding: told, ...(reason !== undefined && { reason }), ...(by !== undefined && { by }) },
    record: { key, digest: key, ordinal: 0 },
  };
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return {
    stream: findingStream(tenant, finding.id),
    expected: revision === 0n ? 'no_stream' : revision - 1n,
    events: [{ id, type: fact.type, data: storedJson(fact) }],
  };
}
