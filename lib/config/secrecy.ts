import type { Path } from './places.ts';

const SECRET_KEYS = /password|passwd|passphrase|secret|token|accesskey|access_key|privatekey|private_key|credential|apikey|api_key/i;

/** `user:password@host`, in a URL or alone; private keys; access keys of AWS. */
const SECRET_TEXT = /[^\s:@/]*:[^\s@]+@|-----BEGIN|\b(AKIA|ASIA)[0-9A-Z]{12}/;

/** Whether a key's name says that its value may be a secret. The key of a list stands for its items. */
export function isSecretKey(path: Path): boolean {
  const key = path.findLast((step) => typeof step === 'string');
  return typeof key === 'string' && SECRET_KEYS.test(key);
}

/**
 * The part of a value that a message may show: scalars that neither by key nor by form look like a secret.
 *
 * The name of a Secret counts as a secret too: if it is not a valid name, it may be the secret itself.
 */
export function shown(path: Path, value: unknown): string | number | boolean | null | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  if (isSecretKey(path)) return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return SECRET_TEXT.test(value) ? undefined : value;
}
