/**
 * What this package takes along from the product: how things are named, the reasons of a refusal, the base of errors,
 * and which host is this machine. All of it is pure. It is imported by its path, for the package is built with these
 * files and nothing else of the product inside (`npm pack` here); what is not listed is not in the package.
 */
export {
  canName,
  EMPTY_SHA256,
  isName,
  nameOf,
  placementOf,
  type Name,
  type NamingSecrets,
  type Names,
} from '../lifecycle/src/names.js';
export { REFUSAL_REASONS, refusalClass, type RefusalReason } from '../lifecycle/src/refusal-reasons.js';
export { TallyError } from '../platform/src/errors.js';
export { isLoopback } from '../platform/src/plaintext.js';
