import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.js';

/**
 * Root of an RFC 6962 §2.1 tree whose leaves are the canonical bytes of `items`, in hex. So a list that lies in chunks
 * is fixed by one value in the plan, and one decision can be shown to be in it. The root of no items is SHA-256 of nothing.
 */
export function merkleRoot(items: readonly unknown[]): string {
  // Perfect subtrees wait on a stack, as in a binary counter; what is left is joined from the right.
  const stack: { height: number; hash: Buffer }[] = [];
  for (const item of items) {
    let node = { height: 0, hash: hash(Buffer.of(0), Buffer.from(canonicalJson(item), 'utf8')) };
    while (stack.at(-1)?.height === node.height) {
      node = { height: node.height + 1, hash: hash(Buffer.of(1), stack.pop()!.hash, node.hash) };
    }
    stack.push(node);
  }
  const last = stack.pop();
  if (!last) return hash().toString('hex');
  return stack.reduceRight((right, left) => hash(Buffer.of(1), left.hash, right), last.hash).toString('hex');
}

function hash(...parts: Buffer[]): Buffer {
  const sha = createHash('sha256');
  for (const part of parts) sha.update(part);
  return sha.digest();
}
