import { type Clock, systemClock } from './clock.js';
import { describeError } from './errors.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export type LogFacts = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** Where lines go; stderr by default, for stdout belongs to data. */
  write?: (line: string) => void;
  level?: LogLevel;
  clock?: Clock;
}

/** One JSON object a line: `{time, level, message, …facts}`. Facts are counts, names and positions, never input. */
export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  /** `error` is written as its code, message, facts and remedy, without the stack. */
  error(message: string, error: unknown, facts?: LogFacts): void;
}

/** Credentials by their looks (MODEL §9.3): a JWT, whole or cut, and what follows an authorization scheme. */
const JWT_RUN = /eyJ[A-Za-z0-9_.~+/=%-]*/g;
/** A short run of small letters is a word, as in a sentence about bearers. */
const SCHEME_RUN =
  /\b([Bb]earer|BEARER|[Bb]asic|BASIC|[Dd][Pp]o[Pp]|DPOP)\s+(?:(?=[A-Za-z0-9_.~+/=%-]*[A-Z0-9_~+/=%])|(?=[a-z.-]{16}))[A-Za-z0-9_.~+/=%-]+/g;

/** The last net under every log line: by then nothing secret should be in it any more. */
export function withoutCredentials(text: string): string {
  return text.replace(JWT_RUN, '[credential]').replace(SCHEME_RUN, '$1 [credential]');
}

export function createLog(options: LogOptions = {}): Log {
  const { write = (line) => process.stderr.write(line), level: least = 'info', clock = systemClock } = options;
  const line = (level: LogLevel, message: string, facts: LogFacts = {}): void => {
    if (RANK[level] < RANK[least]) return;
    const text = JSON.stringify({ time: new Date(clock()).toISOString(), level, message, ...facts }, asJson);
    write(`${withoutCredentials(text)}\n`);
  };
  return {
    debug: (message, facts) => line('debug', message, facts),
    info: (message, facts) => line('info', message, facts),
    warn: (message, facts) => line('warn', message, facts),
    error: (message, error, facts) => line('error', message, { ...facts, error: describeError(error) }),
  };
}

function asJson(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
