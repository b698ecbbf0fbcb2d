import { TallyError, withoutCredentials } from '#platform';

/** An error as people and programs are told of it. */
export interface ToldError {
  code: string;
  message: string;
  remedy?: string;
  /** The parameter or field that is wrong, and what is wrong with it. */
  field?: string;
  reason?: string;
  /** Whether the same again may succeed later. */
  retry: boolean;
}

/**
 * What to tell of an error. Errors of ours carry a code and a remedy; of any other one, only its message is told, and
 * over HTTP not even that (`internal`), for nobody chose its words.
 */
export function toldError(error: unknown): ToldError {
  if (!isCoded(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'TALLY_UNEXPECTED', message: withoutCredentials(message), retry: false };
  }
  const told: ToldError = {
    code: error.code,
    message: withoutCredentials(error.message),
    remedy: withoutCredentials(error.remedy),
    retry: error instanceof TallyError && error.retry,
  };
  const { parameter, what, reason } = error.facts;
  const field = parameter ?? what;
  if (typeof field === 'string') told.field = withoutCredentials(field);
  if (typeof reason === 'string') told.reason = withoutCredentials(reason);
  return told;
}

/** What is told over HTTP of an error that is not ours. */
export const INTERNAL: ToldError = {
  code: 'TALLY_INTERNAL',
  message: 'Something failed that should not.',
  remedy: 'The log of `tally up` says what; please report it.',
  retry: false,
};

interface Coded extends Error {
  code: string;
  remedy: string;
  facts: Readonly<Record<string, unknown>>;
}

/** Pure libraries cannot know `TallyError`; their errors carry the same members. */
function isCoded(error: unknown): error is Coded {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('TALLY_') &&
    'remedy' in error &&
    typeof error.remedy === 'string' &&
    'facts' in error &&
    typeof error.facts === 'object'
  );
}
