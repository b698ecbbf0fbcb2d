import type { ResolvedFact } from './resolve.js';
import { OWN_SOURCE } from './settings.js';

/** What one source stated of an input: first and last time, for findings about inputs. */
export interface InputNote {
  source: string;
  field: string;
  what: 'claimed' | 'future' | 'conflicting' | 'raw' | 'note';
  detail: string;
  first: number;
  last: number;
}
export type Notes = Map<string, InputNote>;

/** Adds what a fact shows of the quality of its source, whatever its authority. */
export function addNotes(into: Notes, fact: ResolvedFact): void {
  const { data } = fact;
  const note = (field: string, what: InputNote['what'], detail = ''): void => {
    // A summary says it of every use in it.
    const first = typeof data['firstAt'] === 'number' ? data['firstAt'] : fact.time;
    const last = typeof data['lastAt'] === 'number' ? data['lastAt'] : fact.time;
    putNote(into, { source: fact.source, field, what, detail, first, last });
  };
  if (fact.authority === 'claimed' && fact.kind !== undefined && fact.source !== OWN_SOURCE) {
    note(fact.type, 'claimed');
  }
  if (fact.future) note('time', 'future');
  if (fact.conflicting) note(fact.record.key, 'conflicting', `${fact.record.digest} ${fact.kind ?? fact.type}`);
  const raw = data['raw'];
  if (Array.isArray(raw)) for (const path of raw as string[]) note(path, 'raw');
  const notes = data['notes'];
  if (Array.isArray(notes)) for (const each of notes as string[]) note(each, 'note');
}

export function mergeNotes(into: Notes, from: Notes): void {
  for (const note of from.values()) putNote(into, note);
}

function putNote(into: Notes, theirs: InputNote): void {
  const key = `${theirs.source}\t${theirs.field}\t${theirs.what}\t${theirs.detail}`;
  const ours = into.get(key);
  if (ours === undefined) into.set(key, { ...theirs });
  else {
    ours.first = Math.min(ours.first, theirs.first);
    ours.last = Math.max(ours.last, theirs.last);
  }
}
