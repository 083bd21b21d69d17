import { nearest } from '../config/nearest.ts';
import type { Problems } from '../config/problems.ts';
import type { Settings, SourceSettings } from '../config/settings.ts';
import { SOURCE_KINDS } from '../sources/index.ts';
import { contextOf, methodIn, tiersToVerify } from './methods.ts';

/** What a proof of a source's backups asks for, and what no kind of it can answer. */
export function lintVerify({ environment }: Settings, source: SourceSettings, problems: Problems): void {
  if (!source.verify) return;
  const { settings, origin } = source.verify;
  const storages = [...new Set(source.tiers.flatMap((tier) => tier.storages.map(({ storage }) => storage.name)))];
  if (settings.storage !== undefined && !storages.includes(settings.storage)) {
    const hint = nearest(settings.storage, storages) ?? `its storages: ${storages.join(', ')}`;
    problems.add(origin(['storage']), `no tier of '${source.name}' has the storage '${settings.storage}'`, hint);
  }
  const slices = settings as Readonly<Record<string, unknown>>;
  const used = source.kinds.map(({ kind }) => kind.name);
  for (const { name } of SOURCE_KINDS) {
    const [first] = origin([name]);
    // What the defaults or a plan ask is meant for the sources that have the kind.
    if (slices[name] !== undefined && !used.includes(name) && first === 'sources')
      problems.add(origin([name]), `'${source.name}' has nothing of the kind ${name}`, `its kinds: ${used.join(', ')}`);
  }
  for (const { kind, settings: slice } of source.kinds) {
    const { verify } = methodIn(kind, tiersToVerify(source)[0]);
    if (!verify) {
      problems.warn(source.at, `nothing proves that backups of the kind ${kind.name} come back`, 'restore one by hand now and then');
      continue;
    }
    const findings = verify.check(slice, slices[kind.name] ?? kind.verifySchema?.parse({}), contextOf(source, environment));
    problems.addFindings(findings, (path) => origin([kind.name, ...path]));
  }
}
