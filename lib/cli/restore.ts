import { load as parseYaml } from 'js-yaml';
import { restoreObjects } from '../charts/restore.ts';
import { type Fields, toYaml } from '../charts/writer.ts';
import type { Path } from '../config/places.ts';
import { Problems } from '../config/problems.ts';
import { restore as schema } from '../config/schema/restore.ts';
import { restoreJobName } from '../constructs/restore-job.ts';
import { guardedNamespaces } from '../constructs/restore-role.ts';
import { ConfigError } from '../errors.ts';
import { lintRestore } from '../model/lint-restore.ts';
import { elsewhereIn, loadEnvironment } from '../model/load.ts';
import type { PlannedRestore } from '../model/model.ts';
import { lettersOf, planRestore } from '../model/plan-restore.ts';
import type { RestoreAction } from '../sources/kind.ts';
import { type Cluster, clusterOf, explainKubectl } from './cluster.ts';
import { followJob } from './follow-job.ts';
import { containersOf, lastWordsOf, type Pod } from './pod.ts';
import { STATUS } from './statuses.ts';
import { sourceTarget } from './target.ts';
import { secondsOfTimeout } from './timeout.ts';
import type { Outcome, World } from './world.ts';

export interface RestoreOptions {
  readonly config: string;
  readonly source?: string;
  readonly from?: string;
  readonly tier?: string;
  readonly at: string;
  readonly part?: string;
  readonly inPlace?: boolean;
  readonly confirm?: string;
  /** `--no-safety-backup` */
  readonly safetyBackup: boolean;
  readonly scaleDown?: readonly string[];
  readonly set?: readonly string[];
  readonly swapBack?: boolean;
  readonly dropOld?: boolean;
  readonly apply?: boolean;
  readonly context?: string;
  readonly timeout: string;
}

/** The Job of a restore with all that it needs: printed, or applied with the user's own kubectl and followed to its end. */
export async function restore(target: string, options: RestoreOptions, world: World): Promise<Outcome> {
  const patience = secondsOfTimeout(options.timeout);
  const { model, source } = sourceTarget(target, options.config);
  const planned = planOf(target, source.name, options, world);
  const objects = restoreObjects(planned, model.images);
  const { namespace } = planned.run;
  const cleanUp = cleanUpOf(planned);
  if (!options.apply) {
    const comment = `a restore of ${target}, for kubectl apply -f -: it runs once. What is left of it goes with\n${cleanUp}`;
    return { status: STATUS.done, text: toYaml(objects, comment).trimEnd() };
  }
  const cluster = clusterOf(world, options);
  await applyAll(cluster, objects);
  const name = restoreJobName({ restore: planned, images: model.images });
  world.say(`created the Job ${namespace}/${name}`);
  const status = await followJob(cluster, world, { namespace, name, patience, summary });
  if (status !== STATUS.interrupted) world.say(`HINT: the Job stays for its log; ${cleanUp} removes it`);
  return { status };
}

/** What removes it from every namespace that it was given rights in. */
function cleanUpOf(planned: PlannedRestore): string {
  const [own, selector] = [planned.run.namespace, `--selector backstay.dev/restore=${planned.name}`];
  const others = planned.guard ? guardedNamespaces(planned, planned.guard).filter((namespace) => namespace !== own) : [];
  return [
    `kubectl delete job,networkpolicy,role,rolebinding --namespace ${own} ${selector}`,
    ...others.map((namespace) => `kubectl delete role,rolebinding --namespace ${namespace} ${selector}`),
  ].join(' && ');
}

/** The scripts are one ConfigMap for all restores: of two that make it at once, one is told that it is there already, and asks again. */
async function applyAll(cluster: Cluster, objects: readonly Fields[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { status, stderr } = await cluster.try(['apply', '--filename', '-'], list);
  if (status !== 0 && !stderr.includes('AlreadyExists')) throw explainKubectl({ status, stdout: '', stderr });
  if (status !== 0) await cluster.run(['apply', '--filename', '-'], list);
}

/** What each step has to say for itself: what it restored into, and what it kept. */
function summary(pod: Pod): string {
  return containersOf(pod)
    .flatMap((container) => {
      const { reason, hint } = lastWordsOf(container);
      return container.name.startsWith('restore-') && reason !== undefined ? [hint === undefined ? reason : `${reason}\n  HINT: ${hint}`] : [];
    })
    .join('\n');
}

function planOf(target: string, source: string, options: RestoreOptions, world: World): PlannedRestore {
  const [environment = ''] = target.split('/');
  const { settings, model } = loadEnvironment(options.config, environment);
  const problems = new Problems(() => undefined);
  const action = actionOf(options);
  const wish = problems.parse(schema, wishOf(source, target, options, action), { origin: (path) => [...WISH, ...path] });
  const elsewhere = elsewhereIn(options.config);
  if (wish && wish.source !== source)
    throw ConfigError.of('', `--set source=${wish.source}, and '${target}' is meant`, `write backstay restore ${environment}/${wish.source}`);
  const restoring = wish && { name: source, settings: wish, written: wish, at: WISH };
  if (restoring) lintRestore({ settings, restore: restoring, action }, elsewhere, problems);
  if (problems.mistakes.length > 0) throw new ConfigError(problems.mistakes.map((problem) => ({ ...problem, path: asFlag(problem.path) })));
  const planned = model.sources.find(({ name }) => name === source);
  if (!restoring || !planned) throw new Error('a restore without a plan');
  for (const { message, hint } of problems.warnings) world.warn(`warning: ${message}\n  HINT: ${hint}`);
  const id = lettersOf(JSON.stringify([target, wish, world.now()]));
  const made = planRestore({ settings, planned, restore: restoring, id, action, once: false }, elsewhere);
  // Each attempt of the Job chooses as the first one did, whatever is backed up meanwhile.
  return { ...made, origin: { ...made.origin, notAfter: Math.floor(world.now()) + CLOCKS_DIFFER } };
}

/** Where the flags would stand in the values: hints are found there. */
const WISH: Path = ['restores', 'wish'];

/** The path as `--set` has it. */
function asFlag(path: string): string {
  return path.replace(/^restores\.wish\.?/, '');
}

/** How much a laptop's clock may be behind. Seconds. */
const CLOCKS_DIFFER = 600;

function actionOf({ swapBack, dropOld }: RestoreOptions): RestoreAction {
  if (swapBack && dropOld) throw ConfigError.of('', '--swap-back and --drop-old exclude each other', 'swap back first, and look');
  if (swapBack) return 'swap-back';
  return dropOld ? 'drop-old' : 'restore';
}

/** The flags as the values would have them. */
function wishOf(source: string, target: string, options: RestoreOptions, action: RestoreAction): object {
  const { confirm, inPlace, safetyBackup, set = [], swapBack: _, dropOld: __, ...flags } = options;
  const gives = inPlace || action !== 'restore';
  if (confirm !== undefined && !gives)
    throw ConfigError.of('', '--confirm without --in-place', 'add --in-place, or leave --confirm out: a copy beside needs none');
  if (gives && confirm !== target) {
    const message =
      confirm === undefined ? 'what is live gives way, and --confirm is not given' : `--confirm says '${confirm}', and '${target}' is meant`;
    throw ConfigError.of('', message, `add --confirm ${target}`);
  }
  const wish: Record<string, unknown> = {
    source,
    at: flags.at,
    ...(flags.source !== undefined && { backupsOf: flags.source }),
    ...(flags.from !== undefined && { from: flags.from }),
    ...(flags.tier !== undefined && { tier: flags.tier }),
    ...(flags.part !== undefined && { part: flags.part }),
    ...(flags.scaleDown !== undefined && { scaleDown: flags.scaleDown }),
    ...(gives && { inPlace: { confirm, safetyBackup: action === 'restore' && safetyBackup } }),
  };
  for (const written of set) assign(wish, written);
  return wish;
}

/** `postgres.tables=[public.orders]`: a path of the values, and a value as YAML. */
function assign(wish: Record<string, unknown>, written: string): void {
  const [, path = '', text = ''] = /^([A-Za-z.]+)=(.*)$/s.exec(written) ?? [];
  const steps = path.split('.');
  const last = steps.pop();
  if (!last)
    throw new ConfigError([{ path: '--set', message: 'not a path and a value', value: written, hint: 'write --set postgres.database=shop_copy' }]);
  let at = wish;
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
      { path: '--set', message: 'the value is no YAML', value: written, hint: "quote it for YAML: --set 'postgres.tables=[public.orders]'" },
    ]);
  }
}
