import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logLevel } from 'kafkajs';
import { createLog, PlaintextRefused } from '#platform';
import { logCreator } from './client-log.js';
import { kafkaConfig, kafkaConnectionOf } from './connection.js';
import { BadKafkaConnection } from './errors.js';

const log = createLog({ write: () => undefined });

describe('a connection', () => {
  it('is read from brokers and the environment, the password from a file without its line end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tally-connection-'));
    try {
      writeFileSync(join(folder, 'ca.pem'), 'authority');
      writeFileSync(join(folder, 'password'), 'se cret\n');
      const env = {
        TALLY_KAFKA_CA: join(folder, 'ca.pem'),
        TALLY_KAFKA_USER: 'tally',
        TALLY_KAFKA_PASSWORD_FILE: join(folder, 'password'),
        TALLY_KAFKA_PASSWORD: 'not this one',
      };
      expect(kafkaConnectionOf({ brokers: 'a.example:9092, [::1]:9093', env })).toEqual({
        brokers: ['a.example:9092', '[::1]:9093'],
        tls: { ca: 'authority' },
        sasl: { mechanism: 'scram-sha-512', username: 'tally', password: 'se cret' },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(kafkaConnectionOf({ brokers: '127.0.0.1:9092', env: {} })).toEqual({ brokers: ['127.0.0.1:9092'] });
    expect(kafkaConnectionOf({ brokers: 'k:1', env: { TALLY_KAFKA_TLS: 'true' } })).toMatchObject({ tls: {} });
  });

  it.each([
    ['brokers without a port', 'localhost', {}],
    ['brokers with a scheme', 'kafka://localhost:9092', {}],
    ['credentials among the brokers', 'user:secret@localhost:9092', {}],
    ['a file that is not there', 'localhost:9092', { TALLY_KAFKA_CA: '/nowhere/ca.pem' }],
    ['a certificate without its key', 'localhost:9092', { TALLY_KAFKA_CERT: '/etc/hostname' }],
    [
      'a certificate, and TLS said not to be',
      'localhost:9092',
      { TALLY_KAFKA_CA: '/etc/hostname', TALLY_KAFKA_TLS: 'false' },
    ],
    ['TLS neither true nor false', 'localhost:9092', { TALLY_KAFKA_TLS: 'yes' }],
    ['a user without a password', 'localhost:9092', { TALLY_KAFKA_USER: 'tally' }],
    ['a mechanism without a user', 'localhost:9092', { TALLY_KAFKA_SASL: 'plain' }],
    ['an unknown mechanism', 'localhost:9092', { TALLY_KAFKA_SASL: 'gssapi', TALLY_KAFKA_USER: 'u' }],
  ])('is refused with %s, and shows no secret', (_what, brokers, env) => {
    let failure: unknown;
    try {
      kafkaConnectionOf({ brokers, env });
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(BadKafkaConnection);
    expect(String(failure)).not.toContain('secret');
  });
});

describe('plain text', () => {
  it('is refused to a broker that is not this machine, unless somebody allowed it or it is encrypted', () => {
    const brokers = ['127.0.0.1:9092', 'kafka.example.com:9092'];
    expect(() => kafkaConfig({ brokers }, { log })).toThrow(PlaintextRefused);
    // A password does not make a connection secret.
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' } as const;
    expect(() => kafkaConfig({ brokers, sasl }, { log })).toThrow(PlaintextRefused);
    expect(() => kafkaConfig({ brokers }, { log, allowPlaintext: new Set(['clickhouse'] as const) })).toThrow(
      PlaintextRefused,
    );
    expect(kafkaConfig({ brokers }, { log, allowPlaintext: new Set(['kafka'] as const) })).toMatchObject({
      ssl: false,
    });
    expect(kafkaConfig({ brokers, tls: {} }, { log })).toMatchObject({ ssl: { minVersion: 'TLSv1.2' } });
    expect(kafkaConfig({ brokers: ['[::1]:9092', 'localhost:1'] }, { log })).toMatchObject({ ssl: false });
  });

  it('is refused to a broker that another broker names as well', async () => {
    const { socketFactory } = kafkaConfig({ brokers: ['127.0.0.1:9092'] }, { log });
    const ssl = {};
    const onConnect = (): void => undefined;
    // kafkajs hands over `false` in plain text, whatever its types say.
    const call = (host: string): unknown =>
      Reflect.apply(socketFactory!, undefined, [{ host, port: 9092, ssl: false, onConnect }]);
    expect(() => call('kafka.example.com')).toThrow(PlaintextRefused);
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address!.port : 0;
    await new Promise<void>((resolve) => {
      const socket = Reflect.apply(socketFactory!, undefined, [
        { host: '127.0.0.1', port, ssl: false, onConnect: resolve },
      ]);
      socket.once('connect', () => socket.destroy());
    });
    server.close();
    const socket = socketFactory!({ host: '127.0.0.1', port: 1, ssl, onConnect });
    socket.once('error', () => undefined);
    expect(socket).toHaveProperty('encrypted', true);
    socket.destroy();
  });
});

it('what kafkajs tries again by itself is a warning, once in ten seconds, with how often it was repeated', () => {
  let now = 0;
  const lines: { level: string; message: string; repeated?: number; error?: string }[] = [];
  const create = logCreator(
    createLog({ write: (line) => void lines.push(JSON.parse(line)), clock: () => now }),
    () => now,
  );
  const say = (level: logLevel, message: string): void =>
    create(logLevel.INFO)({
      namespace: 'Connection',
      level,
      label: '',
      log: { timestamp: '', message, error: new Error('ECONNREFUSED') },
    });
  for (let i = 0; i < 50; i++) say(logLevel.ERROR, 'Connection error');
  say(logLevel.INFO, 'Starting');
  now = 11_000;
  say(logLevel.ERROR, 'Connection error');
  expect(lines).toMatchObject([
    { level: 'warn', message: 'Connection error', error: 'ECONNREFUSED' },
    { level: 'warn', message: 'Connection error', repeated: 49 },
  ]);
});
