import { randomUUID } from 'node:crypto';
import type { RawLedger } from '../embedded/raw-ledger.js';
import { foreignContent } from '../embedded/stored-event.js';
import { readAcl, type StreamAcl } from '../embedded/stream-metadata.js';

const SETTINGS = '$settings';
/** What a server writes of itself has a type with `$`: clients that leave system events out go by the type alone. */
const TYPE = '$settings';
const EVERYBODY = { $r: '$all', $w: '$all', $d: '$all', $mr: '$all', $mw: '$all' };
const ADMINS = { $r: '$admins', $w: '$admins', $d: '$admins', $mr: '$admins', $mw: '$admins' };
const DEFAULTS = { $userStreamAcl: EVERYBODY, $systemStreamAcl: ADMINS };

/** Writes down, in a ledger that is served for the first time, who may do what where no stream says it itself. */
export async function declareDefaultAcl(ledger: RawLedger): Promise<void> {
  if (ledger.lastRevision(SETTINGS) >= 0) return;
  const data = foreignContent(Buffer.from(JSON.stringify(DEFAULTS)), true);
  await ledger.change([{ stream: SETTINGS, expected: 'no_stream', events: [{ id: randomUUID(), type: TYPE, data }] }]);
}

/** What counts for streams that say nothing themselves: the last event of `$settings`. */
export class DefaultAcls {
  #revision = -1;
  #user: StreamAcl = {};
  #system: StreamAcl = {};

  constructor(private readonly ledger: RawLedger) {}

  of(stream: string): StreamAcl {
    const revision = this.ledger.lastRevision(SETTINGS);
    if (revision !== this.#revision) {
      this.#revision = revision;
      const [event] = this.ledger.streamPage('backwards', SETTINGS, Math.max(revision, 0), 1);
      const said = objectIn(event?.data);
      this.#user = readAcl(said['$userStreamAcl'] ?? EVERYBODY) ?? {};
      this.#system = readAcl(said['$systemStreamAcl'] ?? ADMINS) ?? {};
    }
    return stream.startsWith('$') ? this.#system : this.#user;
  }
}

function objectIn(bytes: Uint8Array | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes ?? []).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
