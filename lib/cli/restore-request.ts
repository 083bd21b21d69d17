import { load as parseYaml } from 'js-yaml';
import { ConfigError } from '../errors.ts';
import type { RestoreAction } from '../sources/kind.ts';

/** The flags of `backstay restore`. */
export interface RestoreFlags {
  readonly source?: string;
  readonly from?: string;
  readonly tier?: string;
  readonly at?: string;
  readonly part?: string;
  readonly inPlace?: boolean;
  readonly confirm?: string;
  /** `--no-safety-backup` */
  readonly safetyBackup: boolean;
  readonly scaleDown?: readonly string[];
  readonly set?: readonly string[];
  readonly swapBack?: boolean;
  readonly dropOld?: boolean;
}

export function actionOf({ swapBack, dropOld }: RestoreFlags): RestoreAction {
  if (swapBack && dropOld) throw ConfigError.of('', '--swap-back and --drop-old cannot be combined', 'run --swap-back first, and check the result');
  if (swapBack) return 'swap-back';
  return dropOld ? 'drop-old' : 'restore';
}

/** The flags as an entry of `restores:`. */
export function requestOf(target: string, source: string, flags: RestoreFlags): object {
  const action = actionOf(flags);
  if (action !== 'restore') refuseChoice(action, flags);
  const gives = flags.inPlace || action !== 'restore';
  checkConfirm(target, flags, gives);
  const { confirm, safetyBackup } = flags;
  const request: Record<string, unknown> = {
    source,
    ...(flags.at !== undefined && { at: flags.at }),
    ...(flags.source !== undefined && { backupsOf: flags.source }),
    ...(flags.from !== undefined && { from: flags.from }),
    ...(flags.tier !== undefined && { tier: flags.tier }),
    ...(flags.part !== undefined && { part: flags.part }),
    ...(flags.scaleDown !== undefined && { scaleDown: flags.scaleDown }),
    ...(gives && { inPlace: { confirm, safetyBackup: action === 'restore' && safetyBackup } }),
  };
  for (const written of flags.set ?? []) assign(request, written);
  return request;
}

/** A rollback always brings back the data from before the newest restore, never a selected backup. */
function refuseChoice(action: RestoreAction, { at, source, from, tier }: RestoreFlags): void {
  const given = Object.entries({ at, source, from, tier }).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => `--${name}`).join(', ');
  if (names !== '') throw ConfigError.of('', `--${action} does not select a backup, so ${names} has no effect`, `remove ${names}, or --${action}`);
}

function checkConfirm(target: string, { confirm, dropOld }: RestoreFlags, gives: boolean): void {
  if (confirm !== undefined && !gives)
    throw ConfigError.of('', '--confirm is set, but --in-place is not', 'add --in-place, or remove --confirm: a copy does not need it');
  if (!gives || confirm === target) return;
  const change = dropOld ? 'the old data is deleted' : 'live data is replaced';
  const message = confirm === undefined ? `${change}, so --confirm is required` : `--confirm must be '${target}', got '${confirm}'`;
  throw ConfigError.of('', message, `set --confirm ${target}`);
}

/** Sets one key, as in `postgres.tables=[public.orders]`: a path, and a value as YAML. */
function assign(request: Record<string, unknown>, written: string): void {
  const [, path = '', text = ''] = /^([A-Za-z.]+)=(.*)$/s.exec(written) ?? [];
  const steps = path.split('.');
  const last = steps.pop();
  if (!last)
    throw new ConfigError([{ path: '--set', message: 'expected PATH=VALUE', value: written, hint: 'use --set postgres.database=shop_copy' }]);
  let at = request;
  for (const step of steps) {
    const below = at[step];
    at[step] = typeof below === 'object' && below !== null ? below : {};
    at = at[step] as Record<string, unknown>;
  }
  at[last] = yamlOf(written, text);
}

function yamlOf(written: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    throw new ConfigError([
      { path: '--set', message: 'the value is not valid YAML', value: written, hint: "quote it for YAML: --set 'postgres.tables=[public.orders]'" },
    ]);
  }
}

/** Keys of an entry that have a flag; the others are set with `--set`. */
const FLAGS: Readonly<Record<string, string>> = {
  backupsOf: '--source',
  from: '--from',
  tier: '--tier',
  at: '--at',
  part: '--part',
  inPlace: '--in-place',
  scaleDown: '--scale-down',
};

/** A path as the user wrote it: `--from` for the flag, `postgres.database` for `--set`. */
export function pathAsFlag(path: string): string {
  const [, key = '', rest = ''] = /^(\w+)(?:\[\d+\])?(.*)$/.exec(path) ?? [];
  return rest === '' ? (FLAGS[key] ?? path) : path;
}

/** Replaces keys of the values in a hint by flags. Short keys are also ordinary words, so they count only with a colon. */
export function textAsFlags(text: string): string {
  return text.replace(/\b(?:(from|tier|at|part):|(backupsOf|inPlace|scaleDown)\b:?)/g, (_, short = '', long = '') => FLAGS[short || long] ?? '');
}
