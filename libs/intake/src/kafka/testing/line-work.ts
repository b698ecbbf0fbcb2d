import { Account } from '../../report.js';
import type { Intake } from '../../intake.js';
import type { Preparer } from '../../prepare.js';
import type { Prepared } from '../../prepared.js';
import type { InputLine } from '../../split-lines.js';
import { contentOf } from '../message.js';
import type { Committed, PartitionWork } from '../partition-work.js';
import { OK, type KafkaRecord, type Letter, type RecordResult } from '../record.js';

interface Lines {
  prepared: Prepared[];
  results: RecordResult[];
}

/** Records into a real ledger, without ranges or routes: the shortest way through intake. */
export class LineWork implements PartitionWork<Lines> {
  readonly account = new Account();

  constructor(
    private readonly preparer: Preparer,
    private readonly intake: Intake,
  ) {}

  prepare(records: readonly KafkaRecord[]): Lines {
    const results: RecordResult[] = records.map(() => OK);
    const lines: InputLine[] = [];
    records.forEach((record, i) => {
      const content = contentOf(record);
      if (content.kind === 'none') results[i] = { kind: 'drop', reason: content.reason };
      else lines.push({ ...content, line: i });
    });
    const prepared = this.preparer.lines(lines);
    const letters = new Map<number, Letter[]>();
    for (const each of prepared) {
      if (each.kind !== 'rejected') continue;
      const { line } = each.letter;
      letters.set(line, [...(letters.get(line) ?? []), { ...each.letter }]);
    }
    for (const [i, each] of letters) results[i] = { kind: 'dead-letter', letters: each };
    return { prepared, results };
  }

  async commit({ prepared, results }: Lines): Promise<Committed> {
    await this.intake.takeBatch(prepared, this.account);
    return { results };
  }
}
