import { createHash } from 'node:crypto';
import type { NewEvent } from '../port.js';

/** An event for tests; the same label always gives the same event id. */
export function testEvent(label: string, data = JSON.stringify({ label })): NewEvent {
  const hex = createHash('sha256').update(label).digest('hex');
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { id, type: 'tallystick.token.observed.v1', data };
}
