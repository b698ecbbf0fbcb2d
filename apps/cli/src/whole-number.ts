import { WrongUse } from '../../api/src/tally/errors.js';

/** A count given as a flag. @throws WrongUse outside of [least, most] */
export function wholeNumber(flag: string, text: string, least = 1, most = 999_999_999): number {
  const number = /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  const range = most === 999_999_999 ? `from ${least} on` : `from ${least} to ${most}`;
  throw new WrongUse(flag, `takes a whole number ${range}`);
}
