import { WrongUse } from '../../api/src/tally/errors.js';

/** A count given as a flag: 1 or more. */
export function wholeNumber(flag: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new WrongUse(flag, 'takes a whole number from 1 on');
  return Number(text);
}
