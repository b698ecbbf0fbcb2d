import { replayOf } from '../proofs.js';
import type { Finding } from '../view.js';
import { acceptedUses, at, finding, type FindingContext } from './context.js';

/**
 * D4, replay: a proof (DPoP jti, assertion) accepted a second time for the same target within window + skew, or a
 * one-time token accepted again after it was consumed. Anchor: the proof, or the token.
 */
export function replay(context: FindingContext): Finding[] {
  const { view, state, thresholds, watermarks, world, T } = context;
  const out: Finding[] = [];
  for (const proof of state.proofs.values()) {
    const pair = replayOf(proof, thresholds.proofWindow + thresholds.proofSkew, T);
    if (pair === undefined) continue;
    const { first, second } = pair;
    out.push(
      finding('D4', [proof.proof, proof.htu], {
        kind: 'proof replayed',
        severity: 'critical',
        provisional: !watermarks.reached([proof.source], second),
        tokens: [view.name],
        family: view.family,
        gateway: proof.gateway === '' ? undefined : proof.gateway,
        summary: `proof replayed: the same proof was accepted again ${second - first} ms later for the same target`,
        evidence: { proof: proof.proof, first: at(first), second: at(second), gapMs: second - first },
      }),
    );
  }
  const consumed = view.ends.find((end) => end.kind === 'consumed');
  // Lines of one use from two clocks are one use: only later than the clock's error is again.
  const again =
    consumed === undefined
      ? []
      : acceptedUses(view).filter(
          (use) => use.last > consumed.at + (use.gateway === consumed.gateway ? 0 : world.clockError(use)),
        );
  if (consumed !== undefined && again.length > 0) {
    const last = Math.max(...again.map((use) => use.last));
    out.push(
      finding('D4', [view.name], {
        kind: 'one-time token used again',
        severity: 'critical',
        provisional: !watermarks.reached(new Set(again.map((use) => use.source)), last),
        tokens: [view.name],
        family: view.family,
        gateway: again[0]!.gateway,
        summary: `one-time token used again ${last - consumed.at} ms after it was consumed`,
        evidence: {
          consumedAt: at(consumed.at),
          uses: again.map((use) => ({ first: at(use.first), last: at(use.last) })),
        },
      }),
    );
  }
  return out;
}
