import { Presets, SingleBar } from 'cli-progress';
import { durationShown } from '../ingest/progress.js';
import type { Talk } from './talk.js';

/** How far something goes through the ledger: shown to a terminal, silent otherwise. */
export class PositionProgress {
  private readonly bar: SingleBar | undefined;
  private readonly started = performance.now();
  private first: number | undefined;

  constructor(talk: Talk) {
    if (!talk.isTerminal) return;
    this.bar = new SingleBar(
      {
        format: '{step} {bar} {percentage}%  position {value} of {total}  {left} left',
        stream: talk.stream,
        hideCursor: true,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
  }

  /** @param row has `reached`, `head` and, if there are several, `step`. */
  update({ reached, head, step }: Record<string, unknown>): void {
    if (this.bar === undefined || typeof reached !== 'number' || typeof head !== 'number') return;
    const payload = { step: typeof step === 'string' ? step : 'writing', left: this.left(reached, head) };
    if (this.bar.isActive) {
      this.bar.setTotal(head);
      this.bar.update(reached, payload);
    } else this.bar.start(head, reached, payload);
  }

  stop(): void {
    this.bar?.stop();
  }

  private left(reached: number, head: number): string {
    const seconds = (performance.now() - this.started) / 1000;
    this.first ??= reached;
    const done = reached - this.first;
    return done <= 0 || seconds < 0.2 ? '-' : durationShown((seconds * (head - reached)) / done);
  }
}
