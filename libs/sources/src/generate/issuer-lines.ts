import type { JsonObject } from '../adapter.js';

export interface Login {
  at: number;
  user: string;
  client: string;
  session: string;
  address: string;
  name?: string;
}

/** A Keycloak user event. `id` tells it from every other. */
export function keycloakLine(id: string, type: string, login: Login, details: JsonObject, error?: string): JsonObject {
  return {
    id,
    time: login.at,
    type,
    realmId: 'r-1',
    realmName: 'shop',
    clientId: login.client,
    userId: login.user,
    sessionId: login.session,
    ipAddress: login.address,
    ...(error !== undefined && { error }),
    details: { ...details, ...(login.name !== undefined && { username: login.name }) },
  };
}

export interface OktaTarget {
  type: 'access_token' | 'refresh_token' | 'id_token';
  id: string;
  /** In ms. */
  expires?: number;
}

/** An Okta System Log event about tokens. */
export function oktaLine(
  uuid: string,
  eventType: string,
  login: Login,
  grantType: string,
  targets: OktaTarget[],
): JsonObject {
  return {
    uuid,
    published: new Date(login.at).toISOString(),
    eventType,
    version: '0',
    severity: 'INFO',
    displayMessage: eventType,
    actor: { id: login.client, type: 'PublicClientApp', alternateId: 'spa', displayName: 'Shop SPA' },
    client: {
      ipAddress: login.address,
      userAgent: { rawUserAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/136.0', os: 'Linux', browser: 'FIREFOX' },
      geographicalContext: { city: 'Utrecht', country: 'Netherlands', geolocation: { lat: 52.09, lon: 5.12 } },
    },
    securityContext: { asNumber: 64500, asOrg: 'example-isp', isProxy: false },
    authenticationContext: { externalSessionId: login.session },
    outcome: { result: 'SUCCESS', reason: null },
    transaction: { id: `tx-${uuid}`, type: 'WEB' },
    debugContext: { debugData: { grantType, grantedScopes: 'openid, orders', requestUri: '/oauth2/default/v1/token' } },
    target: targets.map(({ type, id, expires }) => ({
      id,
      type,
      displayName: type,
      alternateId: null,
      detailEntry: {
        subject: login.user,
        hash: '',
        ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
      },
    })),
  };
}

/** Apigee's token endpoint: an opaque token, known by the hash that a policy makes. */
export function apigeeTokenLine(id: string, at: number, client: string, sha256: string, seconds: number): JsonObject {
  return {
    organization: 'example-org',
    environment: 'prod',
    apiproxy: { name: 'oauth', revision: '12' },
    messageid: id,
    'system.timestamp': String(at),
    'request.verb': 'POST',
    'request.uri': '/oauth/token',
    'response.status.code': '200',
    client_id: client,
    'developer.app.name': 'partner-app',
    grant_type: 'client_credentials',
    access_token_hash: sha256,
    issued_at: String(at),
    expires_in: String(seconds),
    scope: 'read',
    status: 'approved',
  };
}

export function cloudEvent(id: string, source: string, type: string, at: number, data: JsonObject): JsonObject {
  return {
    specversion: '1.0',
    id,
    source,
    type: `tallystick.${type}.v1`,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}

export function cdEvent(
  id: string,
  predicate: string,
  at: number,
  service: string,
  environment: string,
  tag: string,
): JsonObject {
  return {
    context: {
      version: '0.4.1',
      id,
      source: '/ci/deployer',
      type: `dev.cdevents.service.${predicate}.0.2.0`,
      timestamp: new Date(at).toISOString(),
    },
    subject: {
      id: `service/${service}`,
      source: '/clusters/eu',
      type: 'service',
      content: { environment: { id: environment }, artifactId: `pkg:oci/${service}@sha256%3A0b31b1c02ff4?tag=${tag}` },
    },
  };
}
