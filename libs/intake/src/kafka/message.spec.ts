import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordsOfLine } from '#sources';
import { contentOf } from './message.js';
import type { KafkaHeaders, KafkaRecord } from './record.js';

const recordOf = (value: string | Buffer | null, headers: KafkaHeaders = {}): KafkaRecord => ({
  topic: 't',
  partition: 0,
  offset: 1n,
  timestamp: 0,
  key: null,
  value: typeof value === 'string' ? Buffer.from(value) : value,
  headers,
});
const jsonOf = (record: KafkaRecord): unknown => {
  const content = contentOf(record);
  return content.kind === 'text' ? JSON.parse(content.text) : content;
};
const ATTRIBUTES = {
  ce_specversion: Buffer.from('1.0'),
  ce_id: Buffer.from('e-1'),
  ce_source: Buffer.from('/edge/1'),
  ce_type: Buffer.from('tallystick.token.validated.v1'),
  ce_time: Buffer.from('2026-03-10T09:00:00Z'),
};

describe('structured mode', () => {
  it.each([
    'application/cloudevents+json',
    'application/cloudevents+json; charset=UTF-8',
    'Application/CloudEvents+JSON',
    'application/cloudevents-batch+json',
  ])('%s: the value is the event, byte for byte', (type) => {
    const text = '{"specversion": "1.0", "n": 12345678901234567890}';
    expect(contentOf(recordOf(text, { 'content-type': type }))).toEqual({ kind: 'text', text });
  });

  it('goes before attributes in headers, which may be there too', () => {
    const headers = { ...ATTRIBUTES, 'content-type': 'application/cloudevents+json' };
    expect(jsonOf(recordOf('{"id":"in the value"}', headers))).toEqual({ id: 'in the value' });
  });

  it('in a format other than JSON is refused with the reason', () => {
    expect(contentOf(recordOf('x', { 'content-type': 'application/cloudevents+avro' }))).toMatchObject({
      kind: 'bad',
      reason: 'is a CloudEvent in another format than JSON',
      bytes: 1,
      digestOf: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});

describe('binary mode', () => {
  it('makes one event of headers and value', () => {
    const headers = { ...ATTRIBUTES, ce_subject: 'jti_1', 'content-type': 'application/json', other: 'x' };
    expect(jsonOf(recordOf('{"issuer":"i"}', headers))).toEqual({
      specversion: '1.0',
      id: 'e-1',
      source: '/edge/1',
      type: 'tallystick.token.validated.v1',
      time: '2026-03-10T09:00:00Z',
      subject: 'jti_1',
      datacontenttype: 'application/json',
      data: { issuer: 'i' },
    });
  });

  it('has header values in UTF-8 as they are: nothing is percent-decoded', () => {
    const headers = { ...ATTRIBUTES, ce_source: Buffer.from('/é/%20') };
    expect(jsonOf(recordOf('{}', headers))).toMatchObject({ source: '/é/%20' });
  });

  it('without a value is an event without data, not a tombstone', () => {
    expect(jsonOf(recordOf(null, ATTRIBUTES))).toMatchObject({ id: 'e-1' });
    expect(jsonOf(recordOf(null, ATTRIBUTES))).not.toHaveProperty('data');
  });

  it('lets no value speak for an attribute, and no header for the data', () => {
    const headers = { ...ATTRIBUTES, ce_data: '{"issuer":"forged"}', ce_data_base64: 'eA==' };
    for (const value of ['{},"id":"forged"', '{}}', '{"a":1}\n{"id":"forged"}', '']) {
      const content = contentOf(recordOf(value, headers));
      if (content.kind === 'text') expect(JSON.parse(content.text)).toMatchObject({ id: 'e-1' });
      else expect(content).toMatchObject({ kind: 'bad', reason: 'holds data that is not JSON' });
    }
    expect(jsonOf(recordOf('{"a":1}', headers))).toMatchObject({ data: { a: 1 } });
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, id) => {
        const content = contentOf(recordOf(json, { ...ATTRIBUTES, ce_id: id }));
        if (content.kind !== 'text') return;
        expect(JSON.parse(content.text)).toMatchObject({ id: Buffer.from(id).toString(), specversion: '1.0' });
        expect(recordsOfLine(content.text)).toHaveLength(1);
      }),
    );
  });

  it('with data of another type is refused', () => {
    expect(contentOf(recordOf('<x/>', { ...ATTRIBUTES, 'content-type': 'application/xml' }))).toMatchObject({
      reason: 'holds data of another type than JSON',
    });
  });

  it('is told apart by its attributes where it is refused, and by nothing else of its headers', () => {
    const digest = (value: string | Buffer, headers: KafkaHeaders): unknown => {
      const content = contentOf(recordOf(value, { ...ATTRIBUTES, ...headers }));
      return content.kind === 'bad' ? content.digestOf : content.kind;
    };
    for (const [value, type] of [
      ['<x/>', 'application/xml'],
      ['not JSON', 'application/json'],
      [Buffer.from([0xff]), 'application/json'],
    ] as const) {
      const one = digest(value, { ce_id: 'e-1', ce_subject: 's', 'content-type': type });
      expect(one).toMatch(/^[0-9a-f]{64}$/);
      expect(digest(value, { ce_subject: 's', other: 'x', 'content-type': type, ce_id: 'e-1' })).toBe(one);
      expect(digest(value, { ce_id: 'e-2', ce_subject: 's', 'content-type': type })).not.toBe(one);
      expect(digest(value, { ce_id: 'e-1', 'content-type': type })).not.toBe(one);
    }
  });

  it('wants all mandatory attributes: else it is what a log plugin wrote', () => {
    const { ce_type: _type, ...rest } = ATTRIBUTES;
    expect(jsonOf(recordOf('{"request":{}}', rest))).toEqual({ request: {} });
  });
});

describe('what log plugins write', () => {
  it('is one record or an array of them, whatever the content type', () => {
    for (const text of ['{"a":1}', '[{"a":1},{"b":2}]']) {
      expect(contentOf(recordOf(text, { 'content-type': 'application/json' }))).toEqual({ kind: 'text', text });
      expect(contentOf(recordOf(text))).toEqual({ kind: 'text', text });
    }
  });

  it('states nothing in a tombstone or in white space', () => {
    expect(contentOf(recordOf(null))).toEqual({ kind: 'none', reason: 'a tombstone' });
    expect(contentOf(recordOf(' \n'))).toEqual({ kind: 'none', reason: 'empty' });
  });

  it('is refused where it is not UTF-8 or too long, and shows nothing of itself', () => {
    expect(contentOf(recordOf(Buffer.from([0x7b, 0xff, 0x7d])))).toMatchObject({ kind: 'bad', reason: 'is not UTF-8' });
    expect(contentOf(recordOf(Buffer.alloc(1_048_577, 0x20)))).toMatchObject({ kind: 'bad', bytes: 1_048_577 });
  });
});
