import type { Log } from '#platform';

/** Something that was read from files and can be read again. */
export interface Renewable {
  /** For the log: `the certificate`. */
  what: string;
  /** True if it changed. Throws if what is there now cannot be used; then what was before counts on. */
  reload(): boolean;
}

/** How often the files are looked at, in ms. */
const LOOK_MS = 10_000;

/** Renews certificates and bearers while the process runs: by itself, and at once when asked. */
export class Renewal {
  private readonly timer: NodeJS.Timeout;
  /** What was told last of each: a file that stays wrong is told once. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly renewables: readonly Renewable[],
    private readonly log: Log,
    everyMs = LOOK_MS,
  ) {
    this.timer = setInterval(() => this.look(), everyMs);
    this.timer.unref();
  }

  look(): void {
    for (const each of this.renewables) {
      const { what } = each;
      try {
        if (each.reload()) this.log.info(`${what} was renewed`);
        this.told.delete(what);
      } catch (error) {
        const text = String(error);
        if (this.told.get(what) === text) continue;
        this.told.set(what, text);
        this.log.error(`${what} was not renewed; the one before counts on`, error);
      }
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
