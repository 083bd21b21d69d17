import type { KindSettings, SourceSettings } from '../config/settings.ts';
import type { SourceContext } from '../sources/kind.ts';

/** What a kind may know of a source outside of any tier: by its first method. */
export function contextOf({ name, namespace, options }: SourceSettings, environment: string, { methods }: KindSettings['kind']): SourceContext {
  return { environment, source: name, namespace, method: methods[0] ?? '', throttle: options.throttle };
}
