import { Presets, SingleBar } from 'cli-progress';
import { shownText } from '../output/escape.js';
import type { Talk } from '../output/talk.js';

/** How far an input is: shown to a terminal, silent otherwise. */
export class Progress {
  private readonly bar: SingleBar | undefined;
  private readonly started = performance.now();
  private bytes = 0;
  private records = 0;

  constructor(
    private readonly name: string,
    private readonly size: number | undefined,
    talk: Talk,
  ) {
    if (!talk.isTerminal) return;
    const format =
      size === undefined
        ? '{name}  {records} records  {rate} records/s'
        : '{name} {bar} {percentage}%  {records} records  {rate} records/s  {left} left';
    this.bar = new SingleBar(
      { format, stream: talk.stream, hideCursor: true, clearOnComplete: true },
      Presets.shades_classic,
    );
    this.bar.start(size ?? 1, 0, this.payload());
  }

  read(bytes: number): void {
    this.bytes += bytes;
    this.bar?.update(this.size === undefined ? 0 : Math.min(this.bytes, this.size), this.payload());
  }

  took(records: number): void {
    this.records = records;
    this.bar?.update(this.payload());
  }

  stop(): void {
    this.bar?.stop();
  }

  private payload(): Record<string, string> {
    const seconds = (performance.now() - this.started) / 1000;
    return {
      name: shownText(this.name),
      records: this.records.toLocaleString('en'),
      rate: seconds < 0.2 ? '-' : Math.round(this.records / seconds).toLocaleString('en'),
      left: this.left(seconds),
    };
  }

  private left(seconds: number): string {
    if (this.size === undefined || this.bytes === 0 || seconds < 0.2) return '-';
    return durationShown(Math.max(0, (seconds * (this.size - this.bytes)) / this.bytes));
  }
}

/** Seconds as `12 s`, `3 min 05 s` or `2 h 10 min`. */
export function durationShown(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
