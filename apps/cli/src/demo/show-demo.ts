import { DEMO } from './scene.js';
import { feedDemo, type DemoInput } from './feed-demo.js';
import { tellStory } from './story.js';
import type { Tally } from '../../../api/src/tally/questions.js';
import type { Talk } from '../output/talk.js';

export interface DemoOptions {
  tenant: string;
  /** `--data` as it was given, for the commands to try next. */
  data: string | undefined;
  talk: Talk;
}

/** Feeds the demo, says what went in, what was found in it, and what to try next. */
export async function showDemo(tally: Tally, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { talk, tenant } = options;
  talk.say();
  talk.head(`The demo: two hours of ${DEMO.day}, from bundled, seeded samples`);
  const inputs = await feedDemo(tally, tenant, signal);
  tellFed(inputs, talk);
  signal.throwIfAborted();
  await tellStory(tally, options);
}

function tellFed(inputs: readonly DemoInput[], talk: Talk): void {
  const sum = (key: 'records' | 'accepted' | 'events' | 'duplicates' | 'conflicts' | 'rejected' | 'ignored'): number =>
    inputs.reduce((all, { answer }) => all + answer[key], 0);
  const n = (count: number): string => count.toLocaleString('en');
  if (sum('accepted') === 0) {
    talk.say(`All ${n(sum('records'))} records were in the ledger already: fed again, each is known as a duplicate.`);
    return;
  }
  const logs = inputs.filter(({ format }) => format !== 'cloudevents').map(({ source }) => source);
  talk.say(
    `${n(sum('records'))} records went in, of ${logs.join(', ')}, and of a deployment pipeline (CloudEvents): ` +
      `${n(sum('events'))} events.`,
  );
  talk.say(
    `${n(sum('duplicates'))} were delivered twice, ${n(sum('conflicts'))} came again with other content, ` +
      `${n(sum('ignored'))} say nothing of a token, ${n(sum('rejected'))} were refused.`,
  );
}
