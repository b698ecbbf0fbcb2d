import type { Json, JsonObject } from './adapter.js';
import { isObject } from './fields.js';

/** What may be said in clear of who presented a token: the agent's product, and a country with a one-degree cell. */

/** Browsers call themselves Mozilla; the product stands further right, the most specific first. */
const BROWSERS = ['Edg', 'OPR', 'Vivaldi', 'SamsungBrowser', 'Firefox', 'FxiOS', 'CriOS', 'Chrome', 'Safari'];
const PRODUCT = /^([A-Za-z][A-Za-z0-9._+-]{0,39})(?:[/\s;(]|$)/;

/** `shop-app/3.2` → `shop-app`; a browser's agent → `Firefox`. The full agent is personal. */
export function agentProduct(agent: Json | undefined): string | undefined {
  if (typeof agent !== 'string') return undefined;
  const product = PRODUCT.exec(agent)?.[1];
  if (product !== 'Mozilla') return product;
  return BROWSERS.find((browser) => agent.includes(`${browser}/`)) ?? product;
}

export interface Geo {
  country?: string;
  /** The one-degree cell, as its south-west corner: `52,5`. */
  cell?: string;
  asn?: number;
}

/** Country and one-degree cell of a place; never its city or exact point. */
export function readGeo(
  country: Json | undefined,
  lat: Json | undefined,
  lon: Json | undefined,
  asn?: Json,
): Geo | undefined {
  const geo: Geo = {};
  if (typeof country === 'string' && /^[\p{L} .'-]{2,60}$/u.test(country)) geo.country = country;
  const [latitude, longitude] = [degreesOf(lat, 90), degreesOf(lon, 180)];
  // 0,0 without a country is what geo-IP writes when it knows nothing.
  const nowhere = latitude === 0 && longitude === 0 && geo.country === undefined;
  if (latitude !== undefined && longitude !== undefined && !nowhere) {
    geo.cell = `${Math.floor(latitude)},${Math.floor(longitude)}`;
  }
  const number = typeof asn === 'string' && /^(AS)?\d{1,10}$/i.test(asn) ? Number(asn.replace(/^AS/i, '')) : asn;
  if (typeof number === 'number' && Number.isInteger(number) && number > 0) geo.asn = number;
  return geo.country !== undefined || geo.cell !== undefined || geo.asn !== undefined ? geo : undefined;
}

function degreesOf(value: Json | undefined, bound: number): number | undefined {
  const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof degrees === 'number' && Math.abs(degrees) <= bound ? degrees : undefined;
}

/** A header's value in any letter case; lists give their first. */
export function headerOf(headers: Json | undefined, name: string): string | undefined {
  if (!isObject(headers)) return undefined;
  const value = headers[name] ?? anyCase(headers, name);
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

function anyCase(headers: JsonObject, name: string): Json | undefined {
  for (const key in headers) if (key.length === name.length && key.toLowerCase() === name) return headers[key];
  return undefined;
}
