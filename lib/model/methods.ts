import type * as z from 'zod';
import type { Diagnostics } from '../config/diagnostics.ts';
import type { Path } from '../config/places.ts';
import type { KindSettings, SourceSettings, TierSettings } from '../config/settings.ts';
import { methodOf } from '../sources/index.ts';
import type { Method } from '../sources/kind.ts';

type Tier = Pick<TierSettings, 'method'>;

/** The method by which a tier backs up a kind: the tier's own if the kind has it; otherwise, and without a tier, the kind's default. */
export function methodIn(kind: KindSettings['kind'], tier?: Tier): Method {
  return methodOf(kind, tier?.method);
}

/** The settings of a slice that nobody wrote; nothing, with an error for each setting without a default, if it must be written. */
export function defaultsOf(schema: z.ZodType | undefined, at: Path, diagnostics: Diagnostics): unknown {
  return schema && diagnostics.parse(schema, {}, { origin: (path) => [...at, ...path] });
}

/** The tiers that back up every kind by the same method as the first one. Restores and verifications read backups of one method only. */
export function alike<Either extends Tier>({ kinds }: Pick<SourceSettings, 'kinds'>, tiers: readonly Either[]): readonly Either[] {
  const [first] = tiers;
  return tiers.filter((tier) => kinds.every(({ kind }) => methodIn(kind, tier) === methodIn(kind, first)));
}

/** All methods that the tiers of a source use for a kind. */
export function methodsOf({ tiers }: Pick<SourceSettings, 'tiers'>, kind: KindSettings['kind']): readonly Method[] {
  return tiers.length === 0 ? [methodIn(kind)] : [...new Set(tiers.map((tier) => methodIn(kind, tier)))];
}

/** The tiers whose newest backup is verified: those that write to the storage to read, all by the same methods. */
export function tiersToVerify(source: SourceSettings): readonly TierSettings[] {
  const { tiers, verify } = source;
  const from = verify?.settings.storage ?? tiers[0]?.storages[0]?.storage.name;
  return alike(
    source,
    tiers.filter(({ storages }) => storages.some(({ storage }) => storage.name === from)),
  );
}
