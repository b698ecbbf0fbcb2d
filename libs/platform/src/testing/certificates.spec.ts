import { describe, expect, it } from '@jest/globals';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { TestAuthority } from './certificates.js';

describe('certificates for tests', () => {
  it('are issued by their authority, for the hosts named, with the key beside them', () => {
    const authority = TestAuthority.make();
    const { cert, key } = authority.issue(['localhost', '127.0.0.1', '::1']);
    const read = new X509Certificate(cert);
    expect(read.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect([read.checkHost('localhost'), read.checkIP('127.0.0.1'), read.checkIP('::1')]).not.toContain(undefined);
    expect([read.checkHost('example.com'), read.checkIP('10.0.0.1')]).toEqual([undefined, undefined]);
    expect(new X509Certificate(authority.cert).ca).toBe(true);
    expect(read.verify(new X509Certificate(TestAuthority.make().cert).publicKey)).toBe(false);
  });
});
