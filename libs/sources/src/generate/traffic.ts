import { FORMATS, type Format, type SettingsInput } from '#lifecycle';
import { TRAFFIC_SETTINGS } from './cast.js';
import { deploy } from './deployments.js';
import { addFaults, type FaultName } from './faults.js';
import { startSession } from './sessions.js';
import { Stage, type TrafficLine } from './stage.js';
import type { Truth } from './truth.js';

export interface TrafficOptions {
  seed: string | number;
  /** How many sessions (people, services, scanners, partners) begin; each is about ten lines. */
  sessions: number;
  /** In ms; default 2026-03-10T09:00:00Z. */
  start?: number;
  /** How long it goes on; at least 60 with faults. Default 120. */
  minutes?: number;
  formats?: readonly Format[];
  /** v41, and v42 from half time on. Default true; else lines carry no version. */
  deployments?: boolean;
  /** Whether Okta also issues id tokens, which no gateway sees. Default true. */
  idTokens?: boolean;
  /** All (default), none, or those named. */
  faults?: boolean | readonly FaultName[];
}

export interface Traffic {
  /** In order of time. Can be taken once. */
  lines: Iterable<TrafficLine>;
  /** Complete when all lines are taken. */
  truth: Truth;
  /** The settings under which the truth holds. */
  settings: SettingsInput;
}

export const DEFAULT_START = Date.UTC(2026, 2, 10, 9);
const MINUTE = 60_000;

/**
 * Realistic traffic of nine systems with its true answer. The same options give the same bytes. Memory holds the
 * sessions under way and the truth, not the lines.
 * @throws RangeError without an issuer and a gateway that checks its tokens, or if the time is too short for faults.
 */
export function generateTraffic(options: TrafficOptions): Traffic {
  const {
    seed,
    sessions,
    start = DEFAULT_START,
    minutes = 120,
    deployments = true,
    faults = true,
    idTokens = true,
  } = options;
  const formats = new Set(options.formats ?? FORMATS);
  const issues = formats.has('keycloak') || formats.has('okta');
  if (!issues || !(formats.has('kong') || formats.has('envoy'))) {
    throw new RangeError('traffic needs Keycloak or Okta, and Kong or Envoy');
  }
  if (faults !== false && minutes < 60) throw new RangeError('faults need 60 minutes');
  const end = start + minutes * MINUTE;
  const switchAt = deployments ? start + (minutes / 2) * MINUTE : undefined;
  const stage = new Stage({ seed, start, end, formats, switchAt, idTokens });
  return { lines: linesOf(stage, sessions, faults), truth: stage.truth, settings: TRAFFIC_SETTINGS };
}

function* linesOf(stage: Stage, sessions: number, faults: boolean | readonly FaultName[]): Iterable<TrafficLine> {
  const { start, end } = stage.options;
  deploy(stage);
  addFaults(stage, faults);
  // Sessions begin evenly, and none says anything more than a second before it begins.
  const gap = (end - start - 2 * MINUTE) / Math.max(1, sessions);
  for (let n = 0; n < sessions; n++) {
    const at = Math.floor(start + MINUTE + n * gap + stage.random.between(0, Math.max(0, Math.floor(gap) - 1)));
    yield* stage.agenda.takeUntil(at - 1001);
    startSession(stage, at);
  }
  yield* stage.agenda.takeUntil(Infinity);
}
