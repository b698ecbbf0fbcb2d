/** An exception as ClickHouse tells it. */
export class Refusal extends Error {
  constructor(
    readonly clickhouseCode: number,
    readonly type: string,
    what: string,
  ) {
    super(`Code: ${clickhouseCode}. DB::Exception: ${what}. (${type}) (version 26.7.1.1)`);
  }
}

/** ClickHouse's number in a text of the engine. */
export function codeIn(text: string): number {
  return Number(/Code: (\d+)/.exec(text)?.[1] ?? 1002);
}

/** The statuses that the HTTP interface gives to its errors. */
export function statusOf(code: number): number {
  if (code === 194) return 401;
  if ([192, 193, 497, 516].includes(code)) return 403;
  if ([26, 27, 62, 36, 43, 47, 53, 70, 457].includes(code)) return 400;
  if ([46, 60, 81].includes(code)) return 404;
  if (code === 159) return 408;
  return 500;
}
