import type { Readable } from 'node:stream';

/** As Node gives headers: names in small letters. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The whole text of an answer. An error that came after the answer had begun, with status 200, is an error here too:
 * the client itself looks for it only in formats that it streams, and not behind inserts and commands.
 * @throws what ClickHouse told in its words, else what broke the stream
 */
export async function answerText(stream: Readable, headers: AnswerHeaders): Promise<string> {
  const chunks: Buffer[] = [];
  let broken: unknown;
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    broken = error ?? new Error('the answer broke off');
  }
  const text = Buffer.concat(chunks).toString('utf8');
  toldText(text, headers);
  if (broken !== undefined) throw broken;
  return text;
}

/** A text that has come whole, unless an error stands at its end. @throws what ClickHouse told */
export function toldText(text: string, headers: AnswerHeaders): string {
  const tag = headers['x-clickhouse-exception-tag'];
  const told = exceptionIn(text, typeof tag === 'string' ? tag : undefined);
  if (told !== undefined) throw new Error(told);
  return text;
}

/**
 * The error at the end of a text that had begun as an answer. ClickHouse told it in three ways:
 * from 25.11 in a block marked with a tag of this answer, before with the marker alone, before that as the last line.
 * No row of our formats holds a bare carriage return, or begins like that line.
 * @param tag the header X-ClickHouse-Exception-Tag: a server that sends it uses the block alone.
 */
export function exceptionIn(text: string, tag: string | undefined): string | undefined {
  if (tag !== undefined) {
    const begin = text.lastIndexOf(`__exception__\r\n${tag}\r\n`);
    if (begin === -1) return undefined;
    const said = text.slice(begin + `__exception__\r\n${tag}\r\n`.length);
    const end = said.lastIndexOf(` ${tag}\r\n__exception__`);
    return (end === -1 ? said : said.slice(0, end).replace(/\r?\n\d+$/, '')).trim();
  }
  const marker = text.lastIndexOf('__exception__\r\n');
  if (marker !== -1) return text.slice(marker + '__exception__\r\n'.length).trim();
  return /(?:^|\n)(Code: \d+\. DB::(?:Net)?Exception: [^]*\(version [^]*\))\s*$/.exec(text)?.[1];
}
