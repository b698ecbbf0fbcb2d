/** Who speaks, strongest first; the profile of the source in the settings must say the same (MODEL §3.2). */
export const AUTHORITIES = ['operator', 'issuer', 'gateway', 'deployer'] as const;
export type Authority = (typeof AUTHORITIES)[number];

/** Methods of an emitter and the events that they tell. */
export const METHODS = {
  observed: 'token.observed',
  validated: 'token.validated',
  rejected: 'token.rejected',
  consumed: 'token.consumed',
  issued: 'token.issued',
  renewed: 'token.renewed',
  rotated: 'token.rotated',
  exchanged: 'token.exchanged',
  expired: 'token.expired',
  revoked: 'token.revoked',
  compromised: 'token.compromised',
  reissued: 'token.reissued',
  suspended: 'token.suspended',
  reinstated: 'token.reinstated',
  familyRevoked: 'family.revoked',
  reuseReported: 'family.reusereported',
  subjectSuspended: 'subject.suspended',
  subjectReinstated: 'subject.reinstated',
  fenceRaised: 'fence.raised',
  keyPublished: 'key.published',
  keyActivated: 'key.activated',
  keyRetired: 'key.retired',
  keyRemoved: 'key.removed',
  keyCompromised: 'key.compromised',
  deploymentDeclared: 'deployment.declared',
  deploymentActivated: 'deployment.activated',
  deploymentWeighted: 'deployment.weighted',
  deploymentDeactivated: 'deployment.deactivated',
  deploymentRolledBack: 'deployment.rolledback',
  sourceGap: 'source.gap',
  sourceClosed: 'source.closed',
} as const;
export type Method = keyof typeof METHODS;
export type EventType = (typeof METHODS)[Method];

type OfGateway = 'observed' | 'validated' | 'rejected' | 'consumed' | 'sourceGap' | 'sourceClosed';
type OfDeployment = Extract<Method, `deployment${string}`>;
type OfOperator = 'suspended' | 'reinstated';

/** What each may say with effect. Anything else would be kept as *claimed*, and change nothing. */
export interface MethodsOf {
  gateway: OfGateway;
  issuer: Exclude<Method, OfDeployment | OfOperator>;
  deployer: OfDeployment | 'sourceGap' | 'sourceClosed';
  operator: Method;
}

const GATEWAY: readonly OfGateway[] = ['observed', 'validated', 'rejected', 'consumed', 'sourceGap', 'sourceClosed'];

export function mayTell(authority: Authority, method: Method): boolean {
  const deployment = method.startsWith('deployment');
  switch (authority) {
    case 'operator':
      return true;
    case 'issuer':
      return !deployment && method !== 'suspended' && method !== 'reinstated';
    case 'deployer':
      return deployment || method === 'sourceGap' || method === 'sourceClosed';
    case 'gateway':
      return (GATEWAY as readonly Method[]).includes(method);
  }
}
