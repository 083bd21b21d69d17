import type { Diagnostics } from '../config/diagnostics.ts';
import type { SourceSettings } from '../config/settings.ts';
import { methodIn } from './methods.ts';

/** Methods that exclude each other, in the tiers of one source. */
export function checkRivals({ name, kinds, tiers }: Pick<SourceSettings, 'name' | 'kinds' | 'tiers'>, diagnostics: Diagnostics): void {
  const uses = tiers.flatMap((tier) => kinds.map(({ kind }) => ({ tier, method: methodIn(kind, tier) })));
  const used = uses.filter(({ method }, index) => uses.findIndex((use) => use.method === method) === index);
  for (const [index, { tier, method }] of used.entries()) {
    const other = used.slice(0, index).find((earlier) => excludes(method, earlier.method) || excludes(earlier.method, method));
    if (other)
      diagnostics.add(
        tier.origin(['method']),
        `'${name}' cannot have both methods ${other.method.name} and ${method.name}`,
        'back it up by one of them in a separate source',
      );
  }
}

function excludes({ rivals = [] }: { readonly rivals?: readonly string[] }, { name }: { readonly name: string }): boolean {
  return rivals.includes(name);
}
