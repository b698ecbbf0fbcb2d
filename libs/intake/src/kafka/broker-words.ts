/** The broker's own words for an error, such as `TOPIC_AUTHORIZATION_FAILED`, wherever kafkajs has put them. */
export function brokerWords(error: unknown): string[] {
  const words: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('type' in each && typeof each.type === 'string') words.push(each.type);
    // An AggregateError of kafkajs, one part a topic.
    if ('errors' in each && Array.isArray(each.errors))
      for (const part of each.errors) words.push(...brokerWords(part));
  }
  return [...new Set(words)];
}

/** The name that kafkajs gives to an error or one of its causes. */
export function isNamed(error: unknown, name: string): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (each.name === name) return true;
  return false;
}
