import { PassThrough, Readable, Writable } from 'node:stream';
import { Output } from '../output/output.js';
import { Talk } from '../output/talk.js';
import { runCommand } from '../run.js';
import type { Ran } from './run-tally.js';

/** Runs a command in this process, over streams of its own: all but the process itself. */
export async function runHere(
  args: readonly string[],
  { data, input = '', env = {} }: { data: string; input?: string; env?: Record<string, string> },
): Promise<Ran> {
  const [out, err] = [collector(), collector()];
  const stdin = input === '' ? new PassThrough().end() : Readable.from([Buffer.from(input)]);
  const code = await runCommand(args, {
    out: new Output(out.stream),
    talk: new Talk(err.stream, {}),
    stdin,
    env: { TALLY_DATA: data, ...env },
    threads: false,
    exitCode: 0,
  });
  return { code, stdout: out.text(), stderr: err.text() };
}

function collector(): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
