import type { SecretNeed } from '../pod.ts';
import { compare, unique } from './lists.ts';

/** One need per Secret, with all keys and purposes. */
export function mergeSecrets(needs: readonly SecretNeed[]): readonly SecretNeed[] {
  const merged = new Map<string, SecretNeed>();
  for (const need of needs) {
    const before = merged.get(need.secret);
    const purposes = unique([...(before?.purpose.split('; ') ?? []), need.purpose], String);
    merged.set(need.secret, { secret: need.secret, keys: unique([...(before?.keys ?? []), ...need.keys], String), purpose: purposes.join('; ') });
  }
  return [...merged.values()].sort((a, b) => compare(a.secret, b.secret));
}
