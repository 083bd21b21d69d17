import { type Layer, layered } from './layers.ts';
import { isTree, type Path, type Tree } from './places.ts';
import type { Around } from './resolve-source.ts';
import { checkSchedule } from './resolve-tier.ts';
import { verify } from './schema/verify.ts';
import type { VerifySettings } from './settings.ts';

/** How the backups of a source are proved: the most specific wins, as with the options. Nothing where it is switched off. */
export function resolveVerify(written: Tree, at: Path, planAt: Path, plan: Tree | undefined, around: Around): VerifySettings | undefined {
  const { top, defaults, problems } = around;
  const levels: readonly (readonly [Tree, Path])[] = [[top, []], [defaults, ['defaults']], ...(plan ? [[plan, planAt] as const] : []), [written, at]];
  const layers = levels.flatMap(([tree, path]): readonly Layer[] => (isTree(tree.verify) ? [{ tree: tree.verify, at: [...path, 'verify'] }] : []));
  const whole = layered(layers.length > 0 ? layers : [{ tree: {}, at: [...at, 'verify'] }]);
  const settings = problems.parse(verify, whole.tree, whole);
  if (!settings?.enabled) return undefined;
  // Without a time zone of its own it follows the one of the values, which every tier has checked.
  checkSchedule(settings.schedule, 'Etc/UTC', { problems, origin: whole.origin });
  return { settings, origin: whole.origin };
}
