import type { AnalyticsEngine } from '../engine.js';
import { SPEAKER_COLUMNS } from '../writer/batch.js';
import { fewOf, typesOf } from './direct-tables.js';
import type { Difference } from './difference.js';
import { answered, RowTexts } from './row-texts.js';

/** Who said what of whom: one row each, whichever batch it came with. They are as many as sources and issuers are. */
export class SpeakersCheck {
  private readonly heard = new Set<string>();

  constructor(private readonly engine: AnalyticsEngine) {}

  hear(speakerRows: string): void {
    for (const line of speakerRows.split('\n')) if (line !== '') this.heard.add(line);
  }

  /** Once every batch was heard. */
  async rest(): Promise<Difference[]> {
    const texts = new RowTexts(SPEAKER_COLUMNS, await typesOf(this.engine, 'speakers'));
    const missing = new Set<string>();
    for (const line of this.heard) for (const { text } of texts.of(line)) missing.add(text);
    const unknown: string[] = [];
    const answer = await this.engine.text(`SELECT ${texts.sql} FROM {db}.speakers FINAL`, 'TabSeparated');
    for (const line of answer.split('\n')) {
      if (line === '') continue;
      const text = answered(line);
      if (!missing.delete(text)) unknown.push(text.split('\u001f', 2).join(' '));
    }
    const told = (what: Difference['what'], rows: string[]): Difference[] =>
      rows.length === 0
        ? []
        : [{ table: 'speakers', start: 1, end: 1, what, rows: rows.length, detail: fewOf(rows), repair: 'rebuild' }];
    const names = [...missing].map((text) => text.split('\u001f', 2).join(' '));
    return [...told('missing', names), ...told('unknown', unknown)];
  }
}
