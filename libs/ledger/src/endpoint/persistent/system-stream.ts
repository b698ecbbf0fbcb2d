import { foreignContent, metadataStreamOf, type StoreAppend } from '../embedded-store.js';
import { newUuid } from '../identifiers.js';

const FOR_ADMINS = { $r: '$admins', $w: '$admins', $d: '$admins', $mr: '$admins', $mw: '$admins' };

/** An event of the bookkeeping, as any program's: it is no fact of the product. */
export function bookkeeping(stream: string, type: string, data: unknown): StoreAppend {
  const content = foreignContent(Buffer.from(JSON.stringify(data)), true);
  return { stream, events: [{ id: newUuid(), type, data: content }], expected: 'any' };
}

/** Metadata of a bookkeeping stream: for administrators, and with what is to be kept of it. */
export function bookkeepingMetadata(stream: string, kept: { $maxCount?: number; $tb?: number }): StoreAppend {
  return bookkeeping(metadataStreamOf(stream), '$metadata', { ...kept, $acl: FOR_ADMINS });
}
