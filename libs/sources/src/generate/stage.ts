import type { Format } from '#lifecycle';
import type { JsonObject } from '../adapter.js';
import { Agenda } from './agenda.js';
import { AGENTS, FORMAT_OF, JWT_GATEWAYS, PATHS, type Gateway, type Source } from './cast.js';
import { envoyLine, kongLine, type Call, type Jwt, type RefusalWord } from './gateway-lines.js';
import { Random } from './random.js';
import { Truth, type TrueKind, type TrueToken } from './truth.js';

export interface TrafficLine {
  at: number;
  format: Format;
  /** The source's name in `TRAFFIC_SETTINGS`. */
  source: Source;
  line: string;
}

export interface StageOptions {
  seed: string | number;
  start: number;
  end: number;
  formats: ReadonlySet<Format>;
  /** When the first gateway gets v42; undefined without deployments: lines then carry no version. */
  switchAt: number | undefined;
  /** Whether the org's people also get id tokens, which nobody shows to a gateway. */
  idTokens: boolean;
}

/** Where sessions and faults put their lines; it keeps the truth in step with what the lines say. */
export class Stage {
  readonly random: Random;
  readonly truth = new Truth();
  readonly agenda = new Agenda<TrafficLine>();
  readonly gateways: readonly Gateway[];
  /** Whether gateways now and then deliver a line twice. */
  repeats = false;

  constructor(readonly options: StageOptions) {
    this.random = new Random(options.seed);
    this.gateways = JWT_GATEWAYS.filter((gateway) => options.formats.has(gateway.format));
  }

  has(...formats: Format[]): boolean {
    return formats.every((format) => this.options.formats.has(format));
  }

  /** False, and nothing is said, for what would happen after the end. */
  say(at: number, source: Source, record: JsonObject): boolean {
    if (at >= this.options.end) return false;
    this.agenda.add(at, { at, format: FORMAT_OF(source), source, line: JSON.stringify(record) });
    this.truth.records++;
    return true;
  }

  /** A line about no token: it is counted and states nothing. */
  sayContext(at: number, source: Source, record: JsonObject): void {
    if (this.say(at, source, record)) this.truth.ignored++;
  }

  /** The same line again, as at-least-once delivery does. */
  repeat(at: number, source: Source, record: JsonObject): void {
    if (this.say(at, source, record)) this.truth.duplicates++;
  }

  versionAt(gateway: Gateway, at: number): string | undefined {
    const { switchAt } = this.options;
    if (switchAt === undefined) return undefined;
    return gateway.switchesAfter !== undefined && at >= switchAt + gateway.switchesAfter * 60_000 ? 'v42' : 'v41';
  }

  call(at: number, gateway: Gateway, from: { address: string; agent?: string }): Call {
    const version = this.versionAt(gateway, at);
    return {
      at,
      gateway: gateway.id,
      region: gateway.region,
      ...(version !== undefined && { version }),
      path: this.random.pick(PATHS),
      address: from.address,
      agent: from.agent ?? AGENTS[0],
      requestId: this.random.hex(32),
    };
  }

  token(jwt: Jwt, kind: TrueKind = 'access'): TrueToken {
    const token = this.truth.token({ issuer: jwt.issuer, jti: jwt.jti }, kind);
    token.sha256 = jwt.sha256;
    return token;
  }

  /** One request with a JWT at a gateway; the line shows its expiry only if the gateway let it pass. */
  use(
    at: number,
    jwt: Jwt,
    gateway: Gateway,
    from: { address: string; agent?: string },
    refusal?: RefusalWord,
  ): boolean {
    const call = this.call(at, gateway, from);
    const record = gateway.format === 'kong' ? kongLine(jwt, call, refusal) : envoyLine(jwt, call, refusal);
    const source = gateway.format === 'kong' ? 'kong' : 'envoy';
    if (!this.say(at, source, record)) return false;
    if (this.repeats && this.random.chance(0.01)) this.repeat(at + this.random.between(0, 4000), source, record);
    this.noteUse(this.token(jwt), call, refusal);
    if (refusal === undefined) this.token(jwt).expiry = jwt.exp * 1000;
    return true;
  }

  /** A use of one of several tokens that share a jti: each is known by its digest. */
  useOfPart(call: Call, jwt: Jwt): void {
    if (!this.say(call.at, 'envoy', envoyLine(jwt, call))) return;
    const part = this.truth.token({ sha256: jwt.sha256 }, 'access');
    part.expiry = jwt.exp * 1000;
    this.noteUse(part, call);
  }

  noteUse(token: TrueToken, call: Call, refusal?: RefusalWord): void {
    token.uses.push({
      at: call.at,
      gateway: call.gateway,
      ...(call.version !== undefined && { version: call.version }),
      outcome: refusal === undefined ? 'accepted' : 'refused',
      ...(refusal !== undefined && { reason: refusal }),
    });
  }
}
