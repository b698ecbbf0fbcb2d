import {
  fullType,
  placementOf,
  streamOf,
  type Name,
  type NamingSecrets,
  type ObservationType,
  type SourceProfile,
} from '#lifecycle';
import { ADAPTERS, aliasOf, type Draft, type Personal, type Reading } from '#sources';
import { dayOf, type BoxOwner } from '#security';
import { joinsNames, storedText } from './draft-event.js';
import { eventId, onceKey, recordDigest, recordKey } from './ids.js';
import type { PrepareOptions } from './prepare.js';
import type { OlderIdentity, Prepared, PreparedEvent } from './prepared.js';
import { renamedFacts, type FormerNames } from './rotated-names.js';
import { deadLetterOwner, refusedRecord, type Refused } from './refused-record.js';

/** Of one event's data: what a store takes in one append by default (1 MiB), with room for metadata. */
const MAX_EVENT_BYTES = 1_000_000;

export type FactsReading = Extract<Reading, { kind: 'facts' }>;

/** What a record is under secrets that were rotated out; only where there are any. */
export interface Rotated {
  formers?: FormerNames;
  older?: OlderIdentity[];
}

/** A record as it was read, before anything of it is sealed. */
export type Read = { line: number; record?: number } & (
  | ({ kind: 'facts'; reading: FactsReading; profile: SourceProfile } & Rotated)
  | { kind: 'ignored' }
  | { kind: 'duplicate'; source: string }
  | ({ kind: 'refused' } & Refused)
);

export type ReadFacts = Extract<Read, { kind: 'facts' }>;

/** Key and digest of a record under a set of naming secrets. */
export function identityOf(
  tenant: string,
  reading: FactsReading,
  profile: SourceProfile,
  secrets: NamingSecrets,
): OlderIdentity {
  return {
    key: recordKey(tenant, profile.name, reading.sourceId),
    digest: recordDigest(secrets, ADAPTERS[profile.format].dedupe.version, reading.dedupe),
  };
}

/** Makes events and dead letters of records that were read: what is personal is sealed, everything but revisions settled. */
export class Sealing {
  constructor(private readonly options: PrepareOptions) {}

  /** The keys that their boxes need are made durable in one go. */
  sealed(read: readonly Read[]): Prepared[] {
    const owners: BoxOwner[] = [];
    for (const each of read) {
      if (each.kind === 'facts' && each.reading.personal !== undefined)
        owners.push(this.ownerOf(each.reading.drafts[0]!, each.profile.name, each.formers));
      if (each.kind === 'refused' && each.why.content !== undefined)
        owners.push(deadLetterOwner(each.why.source, this.options));
    }
    this.options.vault.ensure(owners);
    const renamed = new Set<Name>();
    return read.map((each) => {
      if (each.kind === 'facts') return this.facts(each, renamed);
      if (each.kind === 'duplicate') return { kind: 'duplicate', line: each.line, source: each.source };
      return each.kind === 'ignored' ? { kind: 'ignored', line: each.line } : refusedRecord(each, this.options);
    });
  }

  private facts(read: ReadFacts, renamed: Set<Name>): Prepared {
    const { reading, profile, line, formers, older } = read;
    const { key, digest } = identityOf(this.options.tenant, reading, profile, this.options.secrets);
    const events: PreparedEvent[] = [];
    let high = -Infinity;
    for (const draft of reading.drafts) {
      const personal = events.length === 0 ? reading.personal : undefined;
      const event = this.event(draft, profile, { key, digest, ordinal: events.length }, personal);
      events.push(event);
      high = Math.max(high, draft.time);
      const alias = aliasOf(draft.names, draft.data, profile);
      if (alias !== undefined) {
        for (const name of alias.names) events.push(this.aliased(name, alias.pair, alias.names, draft, profile));
      }
    }
    const large = events.find(
      ({ data }) => 3 * data.length > MAX_EVENT_BYTES && Buffer.byteLength(data) > MAX_EVENT_BYTES,
    );
    if (large !== undefined) return this.tooLarge(read, Buffer.byteLength(large.data), `${key}\n${digest}`);
    // Last, for a record's own events are told apart by their place.
    if (formers !== undefined) events.push(...renamedFacts(formers, this.options, renamed));
    const facts: Prepared = { kind: 'facts', line, source: profile.name, key, digest, high, events };
    return older === undefined || older.length === 0 ? facts : { ...facts, older };
  }

  /** What a line may hold can grow beyond what an append may, for what is personal is sealed. */
  private tooLarge(read: ReadFacts, length: number, bytes: string): Prepared {
    const { line, record, profile } = read;
    const reason = `states an event of ${length} bytes, more than ${MAX_EVENT_BYTES}`;
    const why = { field: '(record)', reason, redrivable: false, source: profile.name };
    return refusedRecord({ line, ...(record !== undefined && { record }), why, bytes, length }, this.options);
  }

  private event(
    draft: Draft,
    profile: SourceProfile,
    record: { key: string; digest: string; ordinal: number },
    personal: Personal | undefined,
  ): PreparedEvent {
    const { tenant } = this.options;
    const subject = draft.subject ?? placementOf(draft.names) ?? '';
    const id = eventId(record.key, record.digest, record.ordinal);
    const box =
      personal === undefined ? undefined : this.options.vault.seal(this.ownerOf(draft, profile.name), id, personal);
    const data = storedText(draft, profile.name, tenant, subject, record, box);
    return {
      id,
      stream: streamOf(draft.type as ObservationType, tenant, subject),
      type: fullType(draft.type),
      data,
      links: joinsNames(draft),
    };
  }

  /** The alias pair as a fact, in the stream of either name; stated once per source (MODEL §1.4). */
  private aliased(name: Name, pair: string, names: [Name, Name], draft: Draft, profile: SourceProfile): PreparedEvent {
    const { tenant } = this.options;
    const key = recordKey(tenant, profile.name, `alias\n${names.join('\n')}`);
    const digest = key;
    const ordinal = names.indexOf(name);
    const pairNames = pair === 'jti-tok' ? { jti: names[0], tok: names[1] } : { cred: names[0], tok: names[1] };
    const data: Record<string, unknown> = { pair };
    if (typeof draft.data['issuer'] === 'string') data['issuer'] = draft.data['issuer'];
    if (typeof draft.data['jti'] === 'string') data['jti'] = draft.data['jti'];
    const alias: Draft = { type: 'token.aliased', time: draft.time, names: pairNames, data };
    return {
      id: eventId(key, digest, ordinal),
      stream: streamOf('token.aliased', tenant, name),
      type: fullType('token.aliased'),
      data: storedText(alias, profile.name, tenant, name, { key, digest, ordinal }, undefined),
      links: true,
      once: onceKey({ key, ordinal }),
    };
  }

  /** Whose box a record's personal fields go into: its subject's, else its source's of that day. */
  private ownerOf(draft: Draft, source: string, formers?: FormerNames): BoxOwner {
    const owner: BoxOwner = { tenant: this.options.tenant, source, day: dayOf(draft.time) };
    const { sub } = draft.names;
    if (sub === undefined) return owner;
    owner.subject = sub;
    const former = formers?.get(sub);
    if (former !== undefined) owner.former = former;
    return owner;
  }
}
