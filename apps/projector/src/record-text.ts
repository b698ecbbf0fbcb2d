import type { KafkaRecord } from '#intake';
import type { TopicRule } from './topic-source.js';

/** The line that a record is read as; a record without a value states nothing. */
export function textOfRecord({ value }: KafkaRecord, _rule: TopicRule): { text: string } | { drop: string } {
  return value === null || value.length === 0 ? { drop: 'empty' } : { text: value.toString('utf8') };
}
