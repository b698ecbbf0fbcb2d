import { describe, expect, it } from '@jest/globals';
import { WrongUse } from '../tally/errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { readAsked } from './parameters.js';

const refusal = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof WrongUse ? error.facts['parameter'] : error;
  }
};

describe('the parameters of a question', () => {
  it('are read from texts, with defaults', () => {
    expect(readAsked('state', { interval: '2', limit: '10' })).toEqual({
      params: { tenant: 'default', projection: 'time', interval: 2 },
      limit: 10,
    });
    expect(readAsked('token.history', { personal: 'false' }).params).toMatchObject({ personal: false });
  });

  it('are refused by name if they are wrong, given twice or unknown', () => {
    expect(refusal(() => readAsked('state', { interval: 'x' }))).toBe('interval');
    expect(refusal(() => readAsked('state', { asOf: ['time:a', 'time:b'] }))).toBe('asOf');
    expect(refusal(() => readAsked('state', { asof: 'time:a' }))).toBe('asof');
    expect(refusal(() => readAsked('state', { limit: '0' }))).toBe('limit');
    expect(refusal(() => readAsked('status', { limit: '5' }))).toBe('limit');
    expect(refusal(() => readAsked('token.show', { name: 'eyJ' }))).toBe('name');
  });
});

describe('a cursor', () => {
  const params = { tenant: 'default', asOf: 'time:2026-03-10T09:00:00Z', projection: 'time', component: undefined };
  const cursor = encodeCursor('state', params, 'abc');

  it('holds the whole question and where it goes on', () => {
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(readAsked('state', { cursor, limit: '3' })).toEqual({
      params: { tenant: 'default', asOf: params.asOf, projection: 'time', after: 'abc' },
      limit: 3,
    });
  });

  it('is refused beside other parameters, for another question, and if it is none', () => {
    expect(refusal(() => readAsked('state', { cursor, asOf: 'time:x' }))).toBe('asOf');
    expect(refusal(() => decodeCursor('findings', cursor))).toBe('cursor');
    for (const none of ['', 'x', Buffer.from('{}').toString('base64url'), cursor.slice(0, -4)])
      expect(refusal(() => decodeCursor('state', none))).toBe('cursor');
  });
});
