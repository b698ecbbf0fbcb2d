/** Errors of this library say what was asked, what is known, and what to do; asking again does not help. */
export abstract class DeploymentError extends Error {
  abstract readonly code: string;
  /** Whether the same call may succeed later without a change of input. */
  readonly retryable = false;

  constructor(
    message: string,
    /** What failed: the asked names and those that are known. */
    readonly facts: Readonly<Record<string, unknown>>,
    readonly remedy: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** No deployment fact and no stamped line names the component. */
export class UnknownComponentError extends DeploymentError {
  readonly code = 'TALLY_COMPONENT_UNKNOWN';
  constructor(component: string, known: readonly string[]) {
    super(
      `no deployment of component "${component}" is known`,
      { component, known },
      known.length
        ? `known components: ${known.join(', ')}`
        : 'declare it, or ingest lines that are stamped with a version',
    );
  }
}

/** The component is known, but this version was never activated on it: an error, never an empty answer. */
export class UnknownVersionError extends DeploymentError {
  readonly code = 'TALLY_VERSION_UNKNOWN';
  constructor(component: string, version: string, known: readonly string[]) {
    super(
      `version "${version}" was never activated on component "${component}"`,
      { component, version, known },
      known.length ? `known versions: ${known.join(', ')}` : 'record its activation first',
    );
  }
}

/** `--interval n` names an activation that does not exist. */
export class UnknownActivationError extends DeploymentError {
  readonly code = 'TALLY_INTERVAL_UNKNOWN';
  constructor(component: string, version: string, asked: number, of: number) {
    super(
      `version "${version}" of "${component}" has ${of} activation${of === 1 ? '' : 's'}, and none numbered ${asked}`,
      { component, version, asked, of },
      `ask for 1 to ${of}, or leave it out for the latest`,
    );
  }
}

/** A rollback from a version to itself changes nothing and would hide a typing error. */
export class SameVersionError extends DeploymentError {
  readonly code = 'TALLY_ROLLBACK_SAME_VERSION';
  constructor(component: string, version: string) {
    super(
      `a rollback of "${component}" from "${version}" to itself`,
      { component, version },
      'name two different versions',
    );
  }
}

/** The value has no RFC 8785 form. `path` is where it stands, as a JSON pointer. */
export class NotCanonicalError extends DeploymentError {
  readonly code = 'TALLY_NOT_CANONICAL';
  constructor(path: string, why: string) {
    super(`the value at "${path || '/'}" ${why}`, { path, why }, 'escape or leave out what I-JSON cannot carry');
  }
}
