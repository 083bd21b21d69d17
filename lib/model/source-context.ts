import type { RestoreSettings, SourceSettings, TierSettings } from '../config/settings.ts';
import type { RestoreAction, RestoreContext, SourceContext } from '../sources/kind.ts';

/**
 * What a kind may know of its source. The only builder, so that lint checks what the plan runs.
 *
 * @param tier - whose throttle applies; default: that of the source
 */
export function contextOf({ name, namespace, options }: SourceSettings, environment: string, tier?: TierSettings): SourceContext {
  return { environment, source: name, namespace, throttle: (tier?.options ?? options).throttle };
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
  { restore: { settings }, action, id }: RestoreOfSource,
): RestoreContext {
  return { ...contextOf(source, environment), id, action, part: settings.part, inPlace: settings.inPlace !== undefined };
}
