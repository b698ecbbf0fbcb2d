import type { RecordedEvent } from '../port.js';
import type { DifferingField } from './errors.js';

const FIELDS = ['stream', 'revision', 'id', 'type', 'metadata', 'data'] as const;

/** The first field in which two events differ, times and positions aside. */
export function differingField(
  from: RecordedEvent | undefined,
  to: RecordedEvent | undefined,
): DifferingField | undefined {
  if (from === undefined) return to === undefined ? undefined : 'more';
  if (to === undefined) return 'missing';
  return FIELDS.find((field) => from[field] !== to[field]);
}
