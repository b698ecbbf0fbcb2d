/** Facts of a failure, safe to show: paths, counts, names and positions, never input in clear. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface ErrorDetails {
  facts?: ErrorFacts;
  /** Whether doing the same again later can help. */
  retry?: boolean;
  /** What a person does about it: one sentence. */
  remedy: string;
  cause?: unknown;
}

/**
 * The base of every error that Tallystick raises on purpose: one subclass a cause, each with a stable `code`.
 * The message says what is wrong, `remedy` what to do. HTTP statuses and exit codes are decided in `apps/` alone.
 */
export abstract class TallyError extends Error {
  /** Stable for ever; what scripts test for. */
  abstract readonly code: `TALLY_${string}`;
  readonly facts: ErrorFacts;
  readonly retry: boolean;
  readonly remedy: string;

  protected constructor(message: string, { facts = {}, retry = false, remedy, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.facts = facts;
    this.retry = retry;
    this.remedy = remedy;
  }
}

/** An error as one flat object for logs and JSON output; unknown errors keep their name and message only. */
export function describeError(error: unknown): {
  code: string;
  message: string;
  retry: boolean;
  remedy?: string;
  facts?: ErrorFacts;
} {
  if (error instanceof TallyError) {
    const { code, message, retry, remedy, facts } = error;
    return { code, message, retry, remedy, facts };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'TALLY_UNEXPECTED', message, retry: false };
}
