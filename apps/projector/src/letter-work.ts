import { z } from 'zod';
import { OK, type Committed, type DeadLetter, type DeadLetters, type KafkaRecord, type PartitionWork } from '#intake';
import { describeError, type Log } from '#platform';
import { ForeignLetter } from './errors.js';

/** As intake wrote it; what was refused is sealed in `box`. */
const letterSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  tenant: z.string(),
  source: z.string(),
  line: z.number(),
  field: z.string(),
  reason: z.string(),
  length: z.number(),
  redrivable: z.boolean(),
  keys: z.array(z.string()),
  name: z.string().optional(),
  box: z.object({ keyId: z.string(), box: z.string() }).optional(),
  from: z.object({ topic: z.string(), partition: z.number(), offset: z.string() }).optional(),
  event: z.object({ id: z.string(), stream: z.string(), type: z.string(), data: z.string() }).optional(),
});

/**
 * Letters that projectors wrote to their topic, into the store of the process that answers for them: there they are
 * listed, and driven again.
 */
export class LetterWork implements PartitionWork<DeadLetter[]> {
  private readonly records = new WeakMap<DeadLetter[], number>();

  constructor(
    private readonly letters: Pick<DeadLetters, 'add'>,
    private readonly log: Log,
  ) {}

  prepare(records: readonly KafkaRecord[]): DeadLetter[] {
    const letters = records.flatMap((record) => {
      const letter = letterOf(record);
      if (!(letter instanceof ForeignLetter)) return [letter];
      this.log.warn('a record of the dead-letter topic is skipped', { ...describeError(letter) });
      return [];
    });
    this.records.set(letters, records.length);
    return letters;
  }

  async commit(letters: DeadLetter[]): Promise<Committed> {
    this.letters.add(letters);
    return { results: Array.from({ length: this.records.get(letters) ?? 0 }, () => OK) };
  }
}

function letterOf({ topic, partition, offset, value }: KafkaRecord): DeadLetter | ForeignLetter {
  let json: unknown;
  try {
    json = JSON.parse(value?.toString('utf8') ?? '');
  } catch {
    return new ForeignLetter(topic, partition, offset, '(record)');
  }
  const parsed = letterSchema.safeParse(json);
  if (!parsed.success) return new ForeignLetter(topic, partition, offset, parsed.error.issues[0]?.path.join('.') ?? '');
  const { name, box, event, from, ...letter } = parsed.data;
  return {
    ...letter,
    ...(name !== undefined && { name }),
    ...(box !== undefined && { box }),
    ...(event !== undefined && { event }),
    ...(from !== undefined && { from }),
  };
}
