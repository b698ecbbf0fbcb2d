import { ErasureUnfinished } from '../errors.js';
import { KeysDirectory } from '../keys-directory.js';
import { SubjectKeys } from '../subject-keys.js';

/**
 * A program for the test of two processes on one directory of keys. Arguments: the directory, which of the two this is
 * (0 or 1), and how many subjects. Both make keys for all of them, batch by batch, one from the front and one from the
 * back; each erases half of every tenth. Exits with 1 if it is given a key after an erasure.
 */
const [, , directory = '', which = '0', count = '0'] = process.argv;
const [me, total] = [Number(which), Number(count)];
const keys = SubjectKeys.open(KeysDirectory.open(directory, 'write'));
const order = Array.from({ length: total }, (_, n) => (me === 0 ? n : total - 1 - n));
for (let from = 0; from < total; from += 20) {
  const batch = order.slice(from, from + 20);
  const owners = batch.map((n) => ({ tenant: 'default', subject: subject(n), source: 'kong', day: 1 }));
  keys.ensure(owners);
  for (const owner of owners) keys.keyFor(owner);
  for (const n of batch) if (n % 10 === 0 && (n / 10) % 2 === me) erase(subject(n));
  keys.ensure(owners);
  batch.forEach((n, i) => {
    if (n % 10 === 0 && (n / 10) % 2 === me && keys.keyFor(owners[i]!) !== undefined) process.exit(1);
  });
}
keys.close();

function subject(n: number): string {
  return `60${n.toString(16).padStart(30, '0')}`;
}

function erase(name: string): void {
  for (;;) {
    try {
      keys.erase('default', name, 5);
      return;
    } catch (error) {
      // The other process read the file just then: the erasure is remembered, and repeating it is safe.
      if (!(error instanceof ErasureUnfinished)) throw error;
    }
  }
}
