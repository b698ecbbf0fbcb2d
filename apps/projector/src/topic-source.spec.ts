import { describe, expect, it } from '@jest/globals';
import { settingsSchema } from '#lifecycle';
import { ADAPTERS } from '#sources';
import { faultOf, routeOf } from './topic-source.js';

const event = (source: string) => ({ ...ADAPTERS.cloudevents.sample, source });
const settings = settingsSchema.parse({
  sources: {
    'edge-eu': { format: 'cloudevents', authority: 'gateway' },
    idp: { format: 'cloudevents', authority: 'issuer' },
    realm: { format: 'keycloak' },
  },
});

describe('the source of a record of a topic', () => {
  it('is the declared one that the event names, if the topic is for its class', () => {
    const route = routeOf({ tenant: 'default', authority: 'issuer' }, settings);
    expect(route(event('idp'))).toEqual({ source: 'idp' });
    expect(route(event('edge-eu'))).toEqual({
      field: 'source',
      refused: 'is a source of authority gateway, and this topic is for issuer events',
    });
  });

  it('is the one declared of its class and format, or the format itself', () => {
    const gateway = routeOf({ tenant: 'default', authority: 'gateway' }, settings);
    expect(gateway(event('//anything'))).toEqual({ source: 'edge-eu' });
    expect(gateway(ADAPTERS.kong.sample)).toEqual({ source: 'kong' });
    expect(routeOf({ tenant: 'default', authority: 'issuer' }, settings)(ADAPTERS.keycloak.sample)).toEqual({
      source: 'realm',
    });
  });

  it('never lends a topic another authority', () => {
    const operator = routeOf({ tenant: 'default', authority: 'operator' }, settings);
    for (const record of [event('x'), ADAPTERS.kong.sample, ADAPTERS.keycloak.sample, ADAPTERS.cdevents.sample])
      expect(operator(record)).toHaveProperty('refused');
    const gateway = routeOf({ tenant: 'default', authority: 'gateway' }, settingsSchema.parse({}));
    expect(gateway(ADAPTERS.keycloak.sample)).toHaveProperty('refused');
    expect(gateway({ some: 'thing' })).toEqual({ field: '(record)', refused: 'is of no format that is known' });
  });

  it('asks which one where several fit', () => {
    const two = settingsSchema.parse({
      sources: { a: { format: 'cloudevents' }, b: { format: 'cloudevents' } },
    });
    expect(routeOf({ tenant: 'default', authority: 'gateway' }, two)(event('x'))).toEqual({
      field: 'source',
      refused: 'names none of the declared gateway sources of format cloudevents (a, b)',
    });
  });

  it('is what a raw topic says', () => {
    const rule = { tenant: 'default', source: 'realm' };
    expect(routeOf(rule, settings)(ADAPTERS.kong.sample)).toEqual({ source: 'realm' });
    expect(faultOf(rule, settings)).toBeUndefined();
    expect(faultOf({ tenant: 'default', source: 'kong' }, settings)).toBeUndefined();
    expect(faultOf({ tenant: 'default', source: 'kongg' }, settings)).toMatch(/neither a source/);
  });
});
