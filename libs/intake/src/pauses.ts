/** Chunks, and `pause` where none comes for a while: what waits for more can then be given. */
export async function* withPauses(
  input: AsyncIterable<Uint8Array>,
  afterMs: number,
): AsyncGenerator<Uint8Array | 'pause'> {
  const iterator = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      let told = false;
      for (;;) {
        const chunk: IteratorResult<Uint8Array> | 'pause' = told ? await next : await orPause(next, afterMs);
        if (chunk === 'pause') {
          told = true;
          yield 'pause';
          continue;
        }
        if (chunk.done === true) return;
        yield chunk.value;
        break;
      }
    }
  } finally {
    await iterator.return?.();
  }
}

function orPause<T>(next: Promise<T>, afterMs: number): Promise<T | 'pause'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('pause'), afterMs);
    next.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
