import { createHmac, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { TallyError } from '#platform';

export interface User {
  name: string;
  groups: readonly string[];
  isAdmin: boolean;
}

const userSchema = z.strictObject({
  password: z.string().min(1).optional(),
  /** `salt:hash`, both hexadecimal: scrypt with Node's defaults and 32 bytes. */
  scrypt: z
    .string()
    .regex(/^[0-9a-f]+:[0-9a-f]{64}$/)
    .optional(),
  groups: z.array(z.string().min(1)).default([]),
});
const usersSchema = z.record(z.string().regex(/^[^:]+$/), userSchema);

/** Users by name, each with a password in clear or hashed, and groups; `admin`, `ops` and `$admins` may do everything. */
export type UserList = z.input<typeof usersSchema>;

const ADMINS = new Set(['admin', 'ops']);
const ADMIN_GROUP = '$admins';

export class BadUsers extends TallyError {
  readonly code = 'TALLY_BAD_USERS';
  constructor(file: string, why: string, cause?: unknown) {
    super(`The users of the ledger endpoint cannot be read from ${file}: ${why}.`, {
      facts: { file },
      remedy:
        'It is a JSON object: {"name": {"password": "…"}}, or with "scrypt": "salt:hash" in place of the password.',
      cause,
    });
  }
}

/** @throws BadUsers */
export function readUsersFile(file: string): UserList {
  let text: unknown;
  try {
    text = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BadUsers(file, error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read', error);
  }
  const parsed = usersSchema.safeParse(text);
  // What zod says could quote a password.
  if (!parsed.success) throw new BadUsers(file, `${parsed.error.issues[0]?.path.join('.')} is not as it should be`);
  return parsed.data;
}

/** Checks names and passwords in constant time; what was right once is remembered as a keyed hash. */
export class Users {
  readonly #list: Map<string, z.output<typeof userSchema>>;
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, Buffer>();

  constructor(users: UserList) {
    this.#list = new Map(Object.entries(usersSchema.parse(users)));
  }

  /** Undefined if there is no such user, or the password is wrong. */
  find(name: string, password: string): User | undefined {
    const user = this.#list.get(name);
    const given = this.#digest(password);
    const isRight = this.#isRight(name, given, password, user);
    if (user === undefined || !isRight) return undefined;
    this.#right.set(name, given);
    const { groups } = user;
    return { name, groups, isAdmin: ADMINS.has(name) || groups.includes(ADMIN_GROUP) };
  }

  #isRight(name: string, given: Buffer, password: string, user: z.output<typeof userSchema> | undefined): boolean {
    const known = this.#right.get(name);
    if (known !== undefined && timingSafeEqual(known, given)) return true;
    if (user?.scrypt !== undefined) {
      const [salt = '', hash = ''] = user.scrypt.split(':');
      return timingSafeEqual(scryptSync(password, Buffer.from(salt, 'hex'), 32), Buffer.from(hash, 'hex'));
    }
    const wanted = this.#digest(user?.password ?? '');
    return timingSafeEqual(wanted, given) && user?.password !== undefined;
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
