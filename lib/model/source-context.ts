import type { KindSettings, RestoreSettings, SourceSettings, TierSettings } from '../config/settings.ts';
import type { RestoreAction, RestoreContext, SourceContext } from '../sources/kind.ts';

/**
 * What a kind may know of its source. The only builder, so that lint checks what the plan runs.
 *
 * @param tier - whose method and throttle apply; default: the kind's first method and the throttle of the source
 */
export function contextOf(source: SourceSettings, environment: string, { methods }: KindSettings['kind'], tier?: TierSettings): SourceContext {
  const { name, namespace, options } = source;
  const method = methods.find((known) => known === tier?.method) ?? methods[0] ?? '';
  return { environment, source: name, namespace, method, throttle: (tier?.options ?? options).throttle };
}

interface RestoreOfSource {
  readonly restore: RestoreSettings;
  readonly action: RestoreAction;
  readonly id: string;
}

/** What a kind may know of a restore of its source. */
export function restoreContextOf(
  source: SourceSettings,
  environment: string,
  kind: KindSettings['kind'],
  { restore: { settings }, action, id }: RestoreOfSource,
): RestoreContext {
  return { ...contextOf(source, environment, kind), id, action, part: settings.part, inPlace: settings.inPlace !== undefined };
}
