import kafkajs, { type logCreator as LogCreator } from 'kafkajs';
import type { Log } from '#platform';

// kafkajs is CommonJS, and Node finds only some of its exports by name: all of them are taken from the default.
const { logLevel } = kafkajs;
const REPEAT_MS = 10_000;
const REMEMBERED = 200;

/**
 * What kafkajs has to say, in our log. It calls errors what it will try again by itself, many times a second while a
 * broker is away: these are warnings here, each once in ten seconds.
 */
export function logCreator(log: Log, clock: () => number = Date.now): LogCreator {
  const said = new Map<string, { at: number; since: number }>();
  return () =>
    ({ namespace, level, log: { message, groupId, broker, error, retryCount } }) => {
      if (level >= logLevel.DEBUG) return;
      const key = `${namespace}\n${message}`;
      const known = said.get(key);
      if (known !== undefined && clock() - known.at < REPEAT_MS) {
        known.since++;
        return;
      }
      said.delete(key);
      if (said.size >= REMEMBERED) said.clear();
      said.set(key, { at: clock(), since: 0 });
      const facts = {
        from: `kafkajs ${namespace}`,
        groupId,
        broker,
        error: textOf(error),
        retryCount,
        repeated: known?.since,
      };
      if (level === logLevel.ERROR || level === logLevel.WARN) log.warn(message, facts);
      else log.debug(message, facts);
    };
}

function textOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
