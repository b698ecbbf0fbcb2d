import type { Tally } from '../../../api/src/tally/questions.js';
import type { Talk } from '../output/talk.js';
import { feedDemo } from './feed-demo.js';

export async function showDemo(
  tally: Tally,
  { tenant, data, talk }: { tenant: string; data: string | undefined; talk: Talk },
  signal: AbortSignal,
): Promise<void> {
  const inputs = await feedDemo(tally, tenant, signal);
  for (const input of inputs) talk.say(JSON.stringify({ s: input.source, ...input.answer, rejections: undefined, sources: undefined }));
  talk.say(`${data}`);
}
