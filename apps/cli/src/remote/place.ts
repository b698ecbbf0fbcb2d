import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as EncryptedAgent, type AgentOptions } from 'node:https';

/** Where a tally answers, and what it is to be shown. */
export interface Place {
  url: string;
  /** The bearer. */
  token: string;
  /** Of the same machine: its process. */
  pid?: number;
  /** The certificate, in PEM, that it announced to its owner's commands: that one is trusted, under any host name. */
  certificate?: string | undefined;
  /** Authorities, in PEM, one of which must have signed its certificate: in place of those of the system. */
  ca?: string | undefined;
  /** What it is shown if it asks for a certificate; PEM. */
  client?: { cert: string; key: string } | undefined;
}

export function agentFor({ url, certificate, ca, client }: Place): Agent {
  // Kept alive: a connection that its server closes on a body still being sent is reset, and its answer lost.
  const options: AgentOptions = { keepAlive: true, minVersion: 'TLSv1.2' };
  if (!url.startsWith('https:')) return new Agent({ keepAlive: true });
  if (client !== undefined) Object.assign(options, client);
  if (ca !== undefined) options.ca = ca;
  else if (certificate !== undefined) {
    const { raw } = new X509Certificate(certificate);
    options.ca = certificate;
    // It need not be an authority's: it is the very certificate.
    options.allowPartialTrustChain = true;
    options.checkServerIdentity = (_host, peer) =>
      raw.equals(peer.raw) ? undefined : new Error('another certificate than the one that was announced');
  }
  return new EncryptedAgent(options);
}
