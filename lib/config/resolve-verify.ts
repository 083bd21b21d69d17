import { isTimeZone } from '../units/schedule.ts';
import { checkSchedule } from './check-schedule.ts';
import { type Layer, layered } from './layers.ts';
import { isTree, type Path, type Tree } from './places.ts';
import type { ResolveContext } from './resolve-context.ts';
import { verify } from './schema/verify.ts';
import type { VerifySettings } from './settings.ts';

interface VerifiedSource {
  readonly written: Tree;
  readonly at: Path;
  readonly planAt: Path;
  /** @default - none */
  readonly planTree?: Tree;
  /** That of its first tier; verification runs in it too. */
  readonly timeZone?: string;
}

/** How the backups of a source are verified; like options, the most specific level wins. Nothing if it is disabled. */
export function resolveVerify(
  { written, at, planAt, planTree: plan, timeZone = 'Etc/UTC' }: VerifiedSource,
  context: ResolveContext,
): VerifySettings | undefined {
  const { top, defaults, diagnostics } = context;
  const levels: readonly (readonly [Tree, Path])[] = [[top, []], [defaults, ['defaults']], ...(plan ? [[plan, planAt] as const] : []), [written, at]];
  const layers = levels.flatMap(([tree, path]): readonly Layer[] => (isTree(tree.verify) ? [{ tree: tree.verify, at: [...path, 'verify'] }] : []));
  const whole = layered(layers.length > 0 ? layers : [{ tree: {}, at: [...at, 'verify'] }]);
  const settings = diagnostics.parse(verify, whole.tree, whole);
  if (!settings?.enabled) return undefined;
  // An unknown time zone was reported for its tier.
  if (isTimeZone(timeZone)) checkSchedule(settings.schedule, timeZone, { diagnostics, origin: whole.origin });
  return { settings, origin: whole.origin };
}
