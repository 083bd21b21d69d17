/** What a common mistake should be, such as `20Gi` for `20GB`, if that is valid in its place; nothing otherwise. */
export function rewritten(key: string, value: unknown, isValid: (candidate: unknown) => boolean): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const size = sizeOf(String(value));
  // Where any text is valid, it is no size.
  if (size !== undefined && isValid(size) && !isValid('text')) return size;
  // The text may be the secret itself, so it is not shown.
  if (key === 'credentials') return isValid({ secret: 'name' }) ? 'credentials: { secret: NAME }, with the name of a Secret' : undefined;
  if (key !== 'keep') return undefined;
  const rule = ['for', 'last'].find((name) => isValid({ [name]: value }));
  return rule && `keep: { ${rule}: ${value} }`;
}

/** `20`, `20G`, `20 GB` and `20GiB` as `20Gi`. */
function sizeOf(text: string): string | undefined {
  const [, digits, unit = 'G'] = /^(\d+) ?([MGT])?i?B?$/i.exec(text) ?? [];
  return digits && `${digits}${unit.toUpperCase()}i`;
}
