/**
 * What a long deed tells on its way, as rows: whoever reads slowly misses some, never the last. Reading no further ends
 * the deed where it can stop.
 */
export async function* progressRows<T>(
  run: (tell: (row: T) => void, signal: AbortSignal) => Promise<T>,
): AsyncGenerator<T> {
  const stop = new AbortController();
  let latest: { row: T } | undefined;
  let wake: () => void = () => undefined;
  let over = false;
  const running = run((row) => {
    latest = { row };
    wake();
  }, stop.signal).finally(() => {
    over = true;
    wake();
  });
  running.catch(() => undefined);
  try {
    for (;;) {
      if (over) break;
      if (latest === undefined) await new Promise<void>((resolve) => (wake = resolve));
      if (latest === undefined || over) continue;
      const { row } = latest;
      latest = undefined;
      yield row;
    }
    yield await running;
  } finally {
    stop.abort();
    await running.catch(() => undefined);
  }
}
