import { formPlace, placeOf, type FormPlace, type Place } from './credential-places.js';
import { redactText } from './credential-shapes.js';

export interface Property {
  place: Place | 'plain';
  /** The name, with a credential in it (clients choose header names) taken out. */
  shown: string;
  /** What it holds as a key of a query or form. */
  form: FormPlace | undefined;
  /** The last text in it that held no credential: most properties of a source say the same in record after record. */
  clean?: string;
}

const properties = new Map<string, Property>();
const MEMO_LIMIT = 5_000;

/** `placeOf` and `redactText` of a property name, remembered: a source's records all have the same few names. */
export function propertyOf(name: string): Property {
  let property = properties.get(name);
  if (property === undefined) {
    property = { place: placeOf(name) ?? 'plain', shown: redactText(name), form: formPlace(name) };
    // The memory is bounded, and a name that holds a secret is not kept at all.
    if (properties.size >= MEMO_LIMIT) properties.clear();
    if (name.length <= 64 && property.shown === name) properties.set(name, property);
  }
  return property;
}
