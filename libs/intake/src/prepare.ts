import { canName, type NamingSecrets, type PersonalBox, type Settings, type SourceProfile } from '#lifecycle';
import {
  ADAPTERS,
  recognisedKeys,
  recordsOfLine,
  redact,
  type Draft,
  type FoundCredential,
  type JsonObject,
  type LineRecord,
  type Reading,
} from '#sources';
import type { BoxOwner } from '#security';
import type { RangeFold } from './minute/range-fold.js';
import { preparedSummary } from './minute/summary-event.js';
import { NameCache } from './name-cache.js';
import type { OlderIdentity, Prepared } from './prepared.js';
import { RotatedNames, type Namer } from './rotated-names.js';
import type { Redacted, Refusal } from './refused-record.js';
import { identityOf, Sealing, type Read, type ReadFacts } from './sealing.js';
import { SourceChoice } from './source-choice.js';
import type { InputLine } from './split-lines.js';

/** Records of one line: an array of nothing but small ones would hold everybody else up. */
const MAX_RECORDS = 10_000;

/** Where boxes get their keys. */
export interface Vault {
  /** Makes the keys of these owners, durably, before anything is sealed under them. */
  ensure(owners: readonly BoxOwner[]): void;
  /** Undefined once the owner was erased: then nothing personal is kept. */
  seal(owner: BoxOwner, eventId: string, content: object): PersonalBox | undefined;
}

export interface PrepareOptions {
  tenant: string;
  settings: Settings;
  secrets: NamingSecrets;
  /** Secrets that were rotated out and are still held, newest first: what they named is renamed (MODEL §1.5). */
  older?: readonly NamingSecrets[];
  vault: Vault;
  /** Day of this input (`dayOf` now): dead letters are sealed under its key. */
  today: number;
  /** A source of the settings, a format, or `auto`: each line's format is recognised. */
  source: string;
  /** Chooses the source of each record instead; pure, for it may be asked twice. */
  route?: (record: JsonObject) => Route;
}

/** Which source a record belongs to, or why to none. */
export type Route = { source: string } | { refused: string; field: string };

/** The first pass of intake: redact, name, read, seal. It writes nothing; the same bytes always give the same answer. */
export class Preparer {
  private readonly names: Namer;
  private readonly rotated: RotatedNames | undefined;
  private readonly older: NameCache[];
  private readonly sources: SourceChoice;
  private readonly sealing: Sealing;

  constructor(private readonly options: PrepareOptions) {
    this.sources = new SourceChoice(options);
    this.sealing = new Sealing(options);
    const newest = new NameCache(options.secrets);
    this.older = (options.older ?? []).map((secrets) => new NameCache(secrets));
    this.rotated = this.older.length === 0 ? undefined : new RotatedNames(newest, this.older);
    this.names = this.rotated ?? newest;
  }

  /** Prepares lines. All are read first, so that the keys that their boxes need are made durable in one go. */
  lines(inputs: readonly InputLine[]): Prepared[] {
    const read: Read[] = [];
    for (const input of inputs) this.readLine(input, (each) => read.push(each));
    return this.sealing.sealed(read);
  }

  /** As `lines`, in one range of input (MODEL §2.5): what `fold` takes of sources in minute mode waits for `summaries`. */
  range(inputs: readonly InputLine[], fold: RangeFold): Prepared[] {
    const kept: Read[] = [];
    // One record at a time: what is folded is garbage before it grows old.
    const take = (each: Read): void => {
      if (each.kind !== 'facts' || each.profile.uses === 'each') kept.push(each);
      else keep(each, fold, kept);
    };
    for (const input of inputs) this.readLine(input, take);
    return this.sealing.sealed(kept);
  }

  /** The summaries of a range, once all of it was read; `range` tells it apart from every other of every input. */
  summaries(fold: RangeFold, range: string): Prepared[] {
    return fold.close().map((summary) => preparedSummary(summary, range, this.options));
  }

  private readLine(input: InputLine, take: (read: Read) => void): void {
    const { line } = input;
    if (input.kind === 'bad') {
      const why = { field: '(line)', reason: input.reason, redrivable: false };
      take({ kind: 'refused', line, why, bytes: input.digestOf, length: input.bytes });
      return;
    }
    let records: LineRecord[];
    try {
      records = recordsOfLine(input.text);
    } catch {
      take(unreadable(line, input.text));
      return;
    }
    if (records.length > MAX_RECORDS) {
      const reason = `holds ${records.length} records, more than ${MAX_RECORDS}`;
      const why = { field: '(line)', reason, redrivable: false, keys: [] };
      take({ kind: 'refused', line, why, bytes: input.text, length: Buffer.byteLength(input.text) });
      return;
    }
    for (let i = 0; i < records.length; i++) {
      const read = this.readPlace(records[i]!, line);
      if (records.length > 1) read.record = i + 1;
      take(read);
    }
  }

  private readPlace(record: LineRecord, line: number): Read {
    const { text } = record;
    if ('bad' in record) {
      const why = { field: '(line)', reason: record.bad, redrivable: false, keys: recognisedKeys(text) };
      return { kind: 'refused', line, why, bytes: text, length: Buffer.byteLength(text) };
    }
    try {
      return this.readRecord(record.json, text, line);
    } catch {
      // Whatever a record holds, it costs nobody but itself.
      return unreadable(line, text);
    }
  }

  private readRecord(json: JsonObject, text: string, line: number): Read {
    const source = this.sources.sourceOf(json);
    const profile = source === undefined ? undefined : this.sources.profile(source);
    const rules = profile === undefined ? {} : ADAPTERS[profile.format].redaction;
    this.rotated?.taken();
    // Redaction writes names into the record, so that each version reads a copy of its own.
    const under = this.older.map(({ nameOfRawToken }) => redact(structuredClone(json), nameOfRawToken, rules));
    const { record, credentials } = redact(json, this.names.nameOfRawToken, rules);
    return this.readRedacted(record, credentials, source, text, line, under);
  }

  /** Reads a refused record again; it was redacted when it first came. */
  redriven(record: JsonObject, credentials: FoundCredential[], line: number): Prepared {
    this.rotated?.taken();
    const under = this.older.map(() => ({ record, credentials }));
    const read = this.readRedacted(
      record,
      credentials,
      this.sources.sourceOf(record),
      JSON.stringify(record),
      line,
      under,
    );
    return this.sealing.sealed([read])[0]!;
  }

  private readRedacted(
    record: JsonObject,
    credentials: FoundCredential[],
    source: string | undefined,
    text: string,
    line: number,
    under: readonly Redacted[],
  ): Read {
    const profile = source === undefined ? undefined : this.sources.profile(source);
    const refuse = (why: Refusal): Read => ({
      kind: 'refused',
      line,
      why: { ...why, source: source ?? 'unknown', content: { record, credentials } },
      bytes: text,
      length: Buffer.byteLength(text),
    });
    if (source === undefined || profile === undefined) {
      const route = this.options.route?.(record);
      if (route !== undefined && 'refused' in route)
        // Driven again it comes by no route: whoever may write gateway events would then speak for an issuer.
        return refuse({ field: route.field, reason: route.refused, redrivable: false });
      const asked = this.options.source;
      const reason =
        asked === 'auto'
          ? 'is of no format that is known'
          : `is for ${asked}, which is neither a source of the settings nor a format`;
      return refuse({ field: '(record)', reason, redrivable: true });
    }
    // Settings are a tenant's own: a profile that names none is for whoever declared it.
    const stated = this.options.settings.sources[source]?.tenant ?? this.options.tenant;
    if (stated !== this.options.tenant) {
      const reason = `belongs to tenant ${stated}, this input is for ${this.options.tenant}`;
      return refuse({ field: '(record)', reason, redrivable: true });
    }
    const reading = this.readingOfAnyVersion({ record, credentials }, under, profile);
    if (reading.kind === 'ignored') return { kind: 'ignored', line };
    if (reading.kind === 'rejected') return refuse(reading);
    if (!reading.drafts.every(isSayable)) {
      const reason = 'holds a lone surrogate or NUL, and such text cannot name anything';
      return refuse({ field: '(record)', reason, redrivable: false });
    }
    if (this.rotated === undefined) return { kind: 'facts', line, reading, profile };
    const formers = this.rotated.taken();
    return { kind: 'facts', line, reading, profile, formers, older: this.olderIdentities(under, profile) };
  }

  /** A source that gives ready names of older secrets is understood, too, while those are held. */
  private readingOfAnyVersion(newest: Redacted, under: readonly Redacted[], profile: SourceProfile): Reading {
    const reading = this.reading(newest, profile, this.names);
    if (reading.kind !== 'rejected') return reading;
    const older = this.older.map((names, i) => this.reading(under[i]!, profile, names));
    return older.find(({ kind }) => kind === 'facts') ?? reading;
  }

  private reading({ record, credentials }: Redacted, profile: SourceProfile, { name, nameOfDigest }: Namer): Reading {
    const { jtisOf } = this;
    return ADAPTERS[profile.format].read(record, { profile, name, nameOfDigest, jtisOf, credentials });
  }

  private readonly jtisOf = (issuer: string): SourceProfile['jti'] | undefined =>
    this.options.settings.issuers[issuer]?.jti;

  /** As what a record was taken in, if that was before a rotation: dedupe fields and source ids may rest on names. */
  private olderIdentities(under: readonly Redacted[], profile: SourceProfile): OlderIdentity[] {
    return this.older.flatMap((names, i) => {
      const reading = this.reading(under[i]!, profile, names);
      return reading.kind === 'facts' ? [identityOf(this.options.tenant, reading, profile, names.secrets)] : [];
    });
  }
}

const isSayable = ({ type, subject = '' }: Draft): boolean => canName(type) && canName(subject);

/** Adds what is left of a record beside the fold. */
function keep(read: ReadFacts, fold: RangeFold, into: Read[]): void {
  const { reading, profile, line } = read;
  const taken = fold.take(reading, profile, line);
  if (taken === 'fold') return;
  if (taken === 'duplicate') {
    into.push({ kind: 'duplicate', line, source: profile.name });
    return;
  }
  if (taken !== 'keep') into.push({ kind: 'facts', line, reading: taken, profile });
  into.push(read);
}

/** A record that no rule foresaw. Nothing of it is kept: it was not redacted. */
function unreadable(line: number, bytes: string): Read {
  const why = {
    field: '(record)',
    reason: 'could not be read; please report what kind of record it is',
    redrivable: false,
  };
  return { kind: 'refused', line, why, bytes, length: Buffer.byteLength(bytes) };
}
