import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Draft } from '../events/draft.js';
import { draftOf } from '../events/draft.js';
import type * as I from '../events/inputs.js';
import { mayTell, METHODS, type Authority, type Method } from '../events/vocabulary.js';
import type { Courier } from './courier.js';
import type { EmitterStats } from './options.js';
import type { Loss, Ring } from './ring.js';

export interface EmitterParts {
  ring: Ring<Draft>;
  /** Gets what makes the event of a loss. */
  courier(gap: (loss: Loss) => Draft): Courier;
  authority: Authority;
  source: string;
  stamps: { version?: string; gateway?: string; region?: string };
  component: string;
  clock: Clock;
  onRefused(why: string): void;
  close(): Promise<void>;
}

/**
 * Tells events. Each method returns at once and never throws; what goes wrong is counted, and told to the callbacks of
 * the options. `flush` and `close` are the only ones that wait.
 */
export class Emitter {
  readonly #parts: EmitterParts;
  readonly #courier: Courier;
  /** Ids are unique across processes by the first half, and within this one by the second. */
  readonly #prefix = randomBytes(12).toString('hex');
  #count = 0;
  #emitted = 0;
  #refused = 0;
  #closed = false;

  constructor(parts: EmitterParts) {
    this.#parts = parts;
    this.#courier = parts.courier((loss) => this.#draft('sourceGap', { ...loss, at: loss.to } as I.GapInput));
  }

  observed(use: I.TokenUse): void {
    this.#emit('observed', use);
  }
  validated(use: I.TokenUse): void {
    this.#emit('validated', use);
  }
  rejected(refusal: I.TokenRefusal): void {
    this.#emit('rejected', refusal);
  }
  consumed(use: I.TokenUse): void {
    this.#emit('consumed', use);
  }
  issued(issue: I.TokenIssue): void {
    this.#emit('issued', issue);
  }
  renewed(turn: I.TokenTurn): void {
    this.#emit('renewed', turn);
  }
  rotated(turn: I.TokenTurn): void {
    this.#emit('rotated', turn);
  }
  exchanged(exchange: I.TokenExchange): void {
    this.#emit('exchanged', exchange);
  }
  expired(token: I.TokenInput): void {
    this.#emit('expired', token);
  }
  revoked(end: I.TokenEnd): void {
    this.#emit('revoked', end);
  }
  compromised(end: I.TokenEnd): void {
    this.#emit('compromised', end);
  }
  reissued(token: I.TokenInput): void {
    this.#emit('reissued', token);
  }
  suspended(toggle: I.TokenToggle): void {
    this.#emit('suspended', toggle);
  }
  reinstated(toggle: I.TokenToggle): void {
    this.#emit('reinstated', toggle);
  }
  familyRevoked(end: I.FamilyEnd): void {
    this.#emit('familyRevoked', end);
  }
  reuseReported(report: I.ReuseReport): void {
    this.#emit('reuseReported', report);
  }
  subjectSuspended(toggle: I.SubjectToggle): void {
    this.#emit('subjectSuspended', toggle);
  }
  subjectReinstated(toggle: I.SubjectToggle): void {
    this.#emit('subjectReinstated', toggle);
  }
  fenceRaised(fence: I.FenceInput): void {
    this.#emit('fenceRaised', fence);
  }
  keyPublished(key: I.KeyInput): void {
    this.#emit('keyPublished', key);
  }
  keyActivated(key: I.KeyInput): void {
    this.#emit('keyActivated', key);
  }
  keyRetired(key: I.KeyInput): void {
    this.#emit('keyRetired', key);
  }
  keyRemoved(key: I.KeyInput): void {
    this.#emit('keyRemoved', key);
  }
  keyCompromised(key: I.KeyInput): void {
    this.#emit('keyCompromised', key);
  }
  deploymentDeclared(declaration: I.DeploymentDeclaration): void {
    this.#emit('deploymentDeclared', declaration);
  }
  deploymentActivated(activation: I.DeploymentActivation): void {
    this.#emit('deploymentActivated', activation);
  }
  deploymentWeighted(weight: I.DeploymentWeight): void {
    this.#emit('deploymentWeighted', weight);
  }
  deploymentDeactivated(scope: I.DeploymentScope): void {
    this.#emit('deploymentDeactivated', scope);
  }
  deploymentRolledBack(rollback: I.DeploymentRollback): void {
    this.#emit('deploymentRolledBack', rollback);
  }
  sourceGap(gap: I.GapInput): void {
    this.#emit('sourceGap', gap);
  }
  sourceClosed(closed: I.ClosedInput): void {
    this.#emit('sourceClosed', closed);
  }

  /**
   * Resolves when everything that was told has arrived, or after `withinMs`.
   * @returns how many events have not.
   */
  async flush(withinMs = 10_000): Promise<{ undelivered: number }> {
    const { clock } = this.#parts;
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = clock.after(withinMs, resolve, true)));
    await Promise.race([this.#courier.empty(), late]);
    cancel();
    return { undelivered: this.#undelivered };
  }

  /** For shutdown: takes nothing more, flushes within `withinMs`, then lets go of everything. */
  async close(withinMs = 10_000): Promise<{ undelivered: number }> {
    this.#closed = true;
    const { undelivered } = await this.flush(withinMs);
    this.#courier.stop();
    await this.#parts.close();
    return { undelivered };
  }

  stats(): EmitterStats {
    const { ring } = this.#parts;
    const { counts, lastProblem } = this.#courier;
    return {
      emitted: this.#emitted,
      waiting: ring.waiting,
      underWay: ring.out,
      bytes: ring.bytes,
      ...counts,
      refused: counts.refused + this.#refused,
      lost: ring.lost,
      ...(lastProblem !== undefined && { lastProblem }),
    };
  }

  get #undelivered(): number {
    const { ring } = this.#parts;
    return ring.waiting + ring.out;
  }

  #emit(method: Method, input: I.EventInput): void {
    const { ring, authority, onRefused } = this.#parts;
    let why: string | undefined;
    if (this.#closed) why = 'came after close';
    else if (!mayTell(authority, method)) why = `is nothing that a source of authority ${authority} may tell`;
    else {
      try {
        ring.push(this.#draft(method, input));
        this.#emitted++;
        this.#courier.poke();
        return;
      } catch {
        why = 'could not be read';
      }
    }
    this.#refused++;
    onRefused(`${METHODS[method]} ${why}`);
  }

  #draft(method: Method, input: I.EventInput): Draft {
    const { clock, stamps, component, source } = this.#parts;
    const draft = draftOf(method, input, `${this.#prefix}-${++this.#count}`, clock.now());
    const { fields } = draft;
    const type = METHODS[method];
    if (type.startsWith('token.')) {
      fields['version'] ??= stamps.version;
      fields['gateway'] ??= stamps.gateway;
      fields['region'] ??= stamps.region;
    } else if (type.startsWith('deployment.')) {
      fields['component'] ??= component;
      if (method !== 'deploymentRolledBack') fields['version'] ??= stamps.version;
      if (method !== 'deploymentDeclared') {
        fields['gateway'] ??= stamps.gateway;
        fields['region'] ??= stamps.region;
      }
    } else if (type.startsWith('source.')) fields['source'] = source;
    return draft;
  }
}
