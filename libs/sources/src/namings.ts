import { readNaming } from '#lifecycle';
import { MARK } from './credential-shapes.js';

/**
 * Reads the fields of one record that name something (MODEL §1.7, §1.8). Text that cannot be Unicode is refused: the
 * first such field is the record's fault. A value of another type names nothing, and is noted.
 */
export class Namings {
  fault?: { field: string; reason: string };
  /** Input notes for the record's facts: `details.token_id:integer`. */
  readonly notes: string[] = [];

  text(field: string, value: unknown): string | undefined {
    const naming = readNaming(value);
    if ('text' in naming && naming.text.includes(MARK)) {
      // A credential stood there: what is left would join strangers.
      this.notes.push(`${field}:redacted`);
      return undefined;
    }
    if ('text' in naming) {
      if (naming.flag !== undefined) this.notes.push(`${field}:${naming.flag}`);
      return naming.text;
    }
    if (naming.reason === 'not-unicode') {
      this.fault ??= { field, reason: 'holds a lone surrogate or NUL, and such text cannot name anything' };
    } else if (naming.reason === 'not-a-name') {
      this.notes.push(`${field}:not-a-name`);
    }
    return undefined;
  }
}
