import { factOf, storedJson } from '#lifecycle';

const PRODUCT = 'tallystick.';

/**
 * Whether an event is to the letter what the product writes: anything else is another program's, and no replay may
 * stumble over it.
 * @param data, metadata as text; metadata empty where there is none
 */
export function isProductFact(type: string, data: string, metadata = ''): boolean {
  if (!type.startsWith(PRODUCT)) return false;
  try {
    if (storedJson(factOf({ id: '', type, data, position: 0n, recordedAt: 0 })) !== data) return false;
    if (metadata !== '') JSON.parse(metadata);
    return true;
  } catch {
    return false;
  }
}
