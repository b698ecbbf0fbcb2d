import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Whoever read standard output has gone, as `head` does: nothing is wrong, and there is nothing more to do. */
export class OutputClosed extends Error {
  constructor() {
    super('standard output was closed');
    this.name = 'OutputClosed';
  }
}

const BUFFERED_CHARACTERS = 65_536;

/** Standard output for data: buffered, and no faster than its reader. */
export class Output {
  private buffer = '';
  private closed = false;

  constructor(private readonly stream: Writable) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Of other errors, the write that failed tells.
      if (error.code === 'EPIPE') this.closed = true;
    });
  }

  /** @throws OutputClosed once the reader has gone. */
  async write(text: string): Promise<void> {
    this.buffer += text;
    if (this.buffer.length >= BUFFERED_CHARACTERS) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.buffer;
    this.buffer = '';
    if (this.closed) throw new OutputClosed();
    if (text === '') return;
    await new Promise<void>((resolve, reject) => {
      this.stream.write(text, (error) => {
        if (!error) resolve();
        else reject('code' in error && error.code === 'EPIPE' ? new OutputClosed() : error);
      });
    });
    if (this.stream.writableNeedDrain) await once(this.stream, 'drain');
  }
}
