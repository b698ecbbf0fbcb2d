import { describe, expect, it } from '@jest/globals';
import { readClientAddress } from './net.js';
import { agentProduct, readGeo } from './presenter.js';

describe('readClientAddress (MODEL §1.7)', () => {
  it.each([
    ['192.0.2.30', '192.0.2.0/24'],
    ['192.0.2.30:51234', '192.0.2.0/24'],
    [' 192.0.2.30 ', '192.0.2.0/24'],
    ['::ffff:192.0.2.30', '192.0.2.0/24'],
    ['[::ffff:192.0.2.30]:443', '192.0.2.0/24'],
    ['::ffff:c000:21e', '192.0.2.0/24'],
    ['0:0:0:0:0:FFFF:C000:021E', '192.0.2.0/24'],
    ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ['2001:0DB8:0001:0002:0000:0000:0000:0003', '2001:db8:1::/48'],
    ['[2001:db8:1::3]:8443', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::/48'],
    ['fe80::1%eth0', 'fe80::/48'],
    ['::1', '::/48'],
    ['64:ff9b::192.0.2.30', '64:ff9b::/48'],
  ])('%s is in %s', (text, network) => expect(readClientAddress(text)?.network).toBe(network));

  it.each([
    '',
    '-',
    'unknown',
    'api.example.com',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.030',
    '3221225994',
    '0xc000021e',
    '1:2:3',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'gggg::1',
    '2001:db8::1, 192.0.2.1',
    '192.0.2.1,198.51.100.2',
    null,
    17,
    ['192.0.2.1'],
    '[redacted]',
    '192.0.2.1/24',
  ])('%j is unknown', (value) => expect(readClientAddress(value)).toBeUndefined());

  it('gives one address one canonical text', () => {
    expect(readClientAddress('2001:0db8::0001')?.address).toBe(readClientAddress('[2001:db8:0:0::1]:1')?.address);
  });

  it.each([
    [0, '198.51.100.0/24'],
    [1, '203.0.113.0/24'],
    [2, '192.0.2.0/24'],
    [9, '192.0.2.0/24'],
  ])('with %d trusted proxies the client stands before them', (trusted, network) => {
    expect(readClientAddress('192.0.2.1, 203.0.113.7, 198.51.100.9', trusted)?.network).toBe(network);
  });
});

describe('agentProduct', () => {
  it.each([
    ['shop-app/3.2', 'shop-app'],
    ['okhttp/4.12', 'okhttp'],
    ['curl', 'curl'],
    ['Mozilla/5.0 (X11; Linux x86_64) Firefox/136.0', 'Firefox'],
    ['Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0', 'Edg'],
    ['Mozilla/5.0', 'Mozilla'],
    ['ada@example.com', undefined],
    ['192.0.2.1', undefined],
    ['', undefined],
    [null, undefined],
    [`${'a'.repeat(41)}/1`, undefined],
  ])('%j → %j', (agent, product) => expect(agentProduct(agent)).toBe(product));
});

describe('readGeo', () => {
  it.each([
    [['NL', 52.1, 5.1], { country: 'NL', cell: '52,5' }],
    [['NL', '52.99', '-5.1'], { country: 'NL', cell: '52,-6' }],
    [[undefined, 0, 0], undefined],
    [['Gabon', 0, 9], { country: 'Gabon', cell: '0,9' }],
    [['', 91, 5], undefined],
    [[null, null, null], undefined],
  ])('%j → %j', ([country, lat, lon], geo) => expect(readGeo(country, lat, lon)).toEqual(geo));
  it('takes a network number in either spelling', () => {
    expect(readGeo(undefined, undefined, undefined, 'AS64500')).toEqual({ asn: 64500 });
    expect(readGeo(undefined, undefined, undefined, 64500)).toEqual({ asn: 64500 });
  });
});
