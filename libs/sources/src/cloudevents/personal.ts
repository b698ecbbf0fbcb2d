import { OBSERVATIONS, type ObservationType } from '#lifecycle';
import type { Json, Personal } from '../adapter.js';
import { isObject } from '../fields.js';

/** What systems call the person or the machine behind a request, without case and separators. */
const PERSONAL = new Set(
  `username preferredusername login loginname name displayname fullname givenname firstname familyname lastname
  surname nickname email emailaddress mail phone phonenumber mobile birthdate
  ip ipaddress ipaddr clientip clientipaddress clientaddress clientaddr remoteaddr remoteaddress remoteip sourceip
  xforwardedfor xrealip useragent`.split(/\s+/),
);
const plain = (key: string) => key.toLowerCase().replace(/[\s._-]/g, '');

/**
 * Moves what common spellings call personal (`email`, `preferred_username`, `user.name`, `remote_addr` …) out of the
 * data into the personal box, under its path, at any depth. Fields of the type's own schema stay.
 */
export function takePersonal(data: Record<string, unknown>, type: ObservationType | undefined, into: Personal): void {
  const own = type === undefined ? {} : OBSERVATIONS[type].shape;
  for (const key of Object.keys(data)) if (!Object.hasOwn(own, key)) take(data, key, key, into);
}

function take(holder: Record<string, unknown>, key: string, path: string, into: Personal): void {
  const value = holder[key] as Json;
  if (isPersonal(key)) {
    if (value !== null) into[path] ??= typeof value === 'string' ? value : JSON.stringify(value);
    Reflect.deleteProperty(holder, key);
  } else if (Array.isArray(value)) {
    value.forEach((item, i) => inside(item, `${path}.${i}`, into));
  } else inside(value, path, into);
}

function inside(value: Json, path: string, into: Personal): void {
  if (Array.isArray(value)) value.forEach((item, i) => inside(item, `${path}.${i}`, into));
  else if (isObject(value)) for (const key of Object.keys(value)) take(value, key, `${path}.${key}`, into);
}

/** Also the last part of a dotted or prefixed key: `user.name`, `http.client_ip`. */
function isPersonal(key: string): boolean {
  return PERSONAL.has(plain(key)) || (key.includes('.') && PERSONAL.has(plain(key.slice(key.lastIndexOf('.') + 1))));
}
