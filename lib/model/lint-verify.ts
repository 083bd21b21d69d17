import type { Diagnostics } from '../config/diagnostics.ts';
import { nearest } from '../config/nearest.ts';
import type { Settings, SourceSettings } from '../config/settings.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import { defaultsOf, methodIn, tiersToVerify } from './methods.ts';
import { contextOf } from './source-context.ts';

/** Checks the verification of a source against its storages and kinds. */
export function lintVerify({ environment }: Settings, source: SourceSettings, diagnostics: Diagnostics): void {
  if (!source.verify) return;
  const { settings, origin } = source.verify;
  const storages = [...new Set(source.tiers.flatMap((tier) => tier.storages.map(({ storage }) => storage.name)))];
  if (settings.storage !== undefined && !storages.includes(settings.storage)) {
    const hint = nearest(settings.storage, storages) ?? `its storages: ${storages.join(', ')}`;
    diagnostics.add(origin(['storage']), `no tier of source '${source.name}' uses storage '${settings.storage}'`, hint);
  }
  const slices = settings as Readonly<Record<string, unknown>>;
  const used = source.kinds.map(({ kind }) => kind.name);
  for (const { name } of SOURCE_KINDS) {
    const [first] = origin([name]);
    // Assertions of `defaults` or a plan are for those sources that have the kind.
    if (slices[name] !== undefined && !used.includes(name) && first === 'sources')
      diagnostics.add(origin([name]), `source '${source.name}' has no kind '${name}'`, `its kinds: ${used.join(', ')}`);
  }
  for (const { kind, settings: slice } of source.kinds) {
    const { verify } = methodIn(kind, tiersToVerify(source)[0]);
    if (!verify) {
      diagnostics.warn(source.at, `backups of kind '${kind.name}' cannot be verified`, 'test a restore manually from time to time');
      continue;
    }
    const written = slices[kind.name] ?? defaultsOf(kind.verifySchema, origin([kind.name]), diagnostics);
    if (written === undefined && kind.verifySchema) continue;
    const found = verify.check(slice, written, contextOf(source, environment));
    diagnostics.addRelative(found, (path) => origin([kind.name, ...path]));
  }
}
