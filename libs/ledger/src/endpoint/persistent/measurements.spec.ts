import { describe, expect, it } from '@jest/globals';
import { Measurements } from './measurements.js';

describe('measurements of a subscriber', () => {
  it('are empty before the first answer', () => {
    const measurements = new Measurements();
    measurements.started('a', 0);
    measurements.ended('b', 5);
    expect(measurements.summary()).toEqual([]);
  });

  it('have the names and places of the server', () => {
    const measurements = new Measurements();
    for (let value = 1; value <= 10; value++) {
      measurements.started('a', 0);
      measurements.ended('a', value + 0.9);
    }
    expect(Object.fromEntries(measurements.summary().map(({ key, value }) => [key, value]))).toEqual({
      Mean: 5,
      Median: 6,
      Fastest: 1,
      'Quintile 1': 1,
      'Quintile 2': 3,
      'Quintile 3': 5,
      'Quintile 4': 7,
      'Quintile 5': 9,
      '90%': 10,
      '95%': 10,
      '99%': 10,
      '99.5%': 10,
      '99.9%': 10,
      Highest: 10,
    });
  });

  it('look at the last thousand', () => {
    const measurements = new Measurements();
    for (let value = 0; value < 1100; value++) {
      measurements.started('a', 0);
      measurements.ended('a', value);
    }
    expect(measurements.summary().find(({ key }) => key === 'Fastest')).toEqual({ key: 'Fastest', value: 100 });
  });
});
