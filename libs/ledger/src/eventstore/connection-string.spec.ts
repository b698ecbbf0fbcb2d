import { describe, expect, it } from '@jest/globals';
import { isConnectionString, parseConnectionString } from './connection-string.js';

describe('parseConnectionString', () => {
  it('reads hosts, credentials and options as the official clients do', () => {
    const url =
      'esdb://ad%3Amin:p%40ss:w%3F@a.example:1113,b.example?TLS=false&max-discover_attempts=3&nodePreference=Follower&connectionName=x%20y';
    expect(parseConnectionString(url)).toEqual({
      hosts: [
        { address: 'a.example', port: 1113 },
        { address: 'b.example', port: 2113 },
      ],
      discover: true,
      tls: false,
      credentials: { username: 'ad:min', password: 'p@ss:w?' },
      maxDiscoverAttempts: 3,
      nodePreference: 'follower',
      connectionName: 'x y',
      shown: 'a.example:1113,b.example:2113',
    });
  });

  it('encrypts unless told otherwise, and asks nobody who leads where there is one host', () => {
    expect(parseConnectionString('esdb://db')).toMatchObject({ tls: true, discover: false, shown: 'db:2113' });
    expect(parseConnectionString('esdb+discover://[::1]:9/')).toMatchObject({ discover: true, shown: '[::1]:9' });
  });

  it('never says anything of a credential, whatever is wrong with the rest', () => {
    const wrong = [
      'http://user:s3cret@host',
      'esdb://user:s3cret@host:99999',
      'esdb://user:s3cret@host:s3cret',
      'esdb://user:s3cret@',
      'esdb://s3cret@host',
      'esdb://user:%zzs3cret@host',
      'esdb://user:x?s3cret@host?tls=false',
      'esdb://user:x/s3cret@host?tls=false',
      'esdb://user:s3cret@host?s3cret=1',
      'esdb://user:s3cret@host?tls=s3cret',
      'esdb://user:s3cret@host?keepAliveInterval=s3cret',
      'esdb://user:s3cret@host?tlsCAFile=/s3cret/none.pem',
      'esdb://user:s3cret@host?userCertFile=/s3cret/none.pem',
      'esdb://user:s3cret@host?nodePreference=s3cret',
    ];
    for (const url of wrong) {
      let told = 'nothing';
      try {
        parseConnectionString(url);
      } catch (error) {
        expect(error).toMatchObject({ code: 'TALLY_BAD_CONNECTION_STRING' });
        told = JSON.stringify([String(error), error]);
      }
      expect({ url, told }).toEqual({ url, told: expect.not.stringMatching(/s3cret|^nothing$/) });
    }
  });
});

describe('isConnectionString', () => {
  it('tells one from the path of a directory', () => {
    expect(['esdb://h', 'esdb+discover://h', 'ESDB://h'].map(isConnectionString)).toEqual([true, true, true]);
    expect(['.tally', '/data/esdb', './esdb:', 'esdb'].map(isConnectionString)).toEqual([false, false, false, false]);
  });
});
