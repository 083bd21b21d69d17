import { BackupJob } from '../constructs/backup-job.ts';
import { CataloguePod } from '../constructs/catalogue-pod.ts';
import { VerifyJob } from '../constructs/verify-cron-job.ts';
import type { Model, PlannedRun, PlannedSource } from '../model/model.ts';
import { allRuns } from '../model/plan-restore.ts';
import type { Env } from '../pod.ts';
import { objectsOf } from './objects.ts';
import type { Fields } from './writer.ts';

/** What a run by hand may be given. */
export interface ManualRun {
  /** What it is for, in the user's words; it stands in the manifest. @default - none */
  readonly label?: string;
}

/** The Job of a run by hand. Its name is completed by the API server, so it is created and not applied. */
export function manualJob(model: Model, source: string, tier: string, { label }: ManualRun = {}): Fields {
  const { planned, run } = find(model, source, tier);
  return nameless((scope) => {
    const { objectName: serviceAccount, labels, annotations } = planned;
    new BackupJob(scope, 'job', { run, images: model.images, serviceAccount, label, labels, annotations });
  });
}

/** The Job that verifies a source now. Its name is completed by the API server. */
export function verifyJob(model: Model, source: string): Fields {
  const { planned } = find(model, source, undefined);
  const { verify, objectName: serviceAccount, labels, annotations } = planned;
  if (!verify) throw new Error(`nothing verifies '${source}'`);
  return nameless((scope) => new VerifyJob(scope, 'job', { verify, images: model.images, serviceAccount, labels, annotations }));
}

/** The pod that does an `ACTION` (`list`, `get` or `prune`) on what is stored of a source: a container for each tier. */
export function cataloguePod(model: Model, source: string, tier: string | undefined, action: Env): Fields {
  const { planned } = find(model, source, undefined);
  return nameless((scope) => {
    const { objectName: serviceAccount, labels, annotations } = planned;
    const chosen = allRuns(planned).filter((run) => tier === undefined || run.tier === tier);
    new CataloguePod(scope, 'pod', { runs: chosen, images: model.images, serviceAccount, action, labels, annotations });
  });
}

/** cdk8s gives a name of its own to an object that has none, beside `generateName`. */
function nameless(build: Parameters<typeof objectsOf>[0]): Fields {
  const [object] = objectsOf(build);
  if (!object) throw new Error('nothing was built');
  return JSON.parse(JSON.stringify({ ...object, metadata: { ...(object.metadata as Fields), name: undefined } })) as Fields;
}

/** The command line has checked both names. */
function find(model: Model, source: string, tier: string | undefined): { planned: PlannedSource; run: PlannedRun } {
  const planned = model.sources.find(({ name }) => name === source);
  const run = planned?.runs.find((candidate) => tier === undefined || candidate.tier === tier);
  if (!planned || !run) throw new Error(`nothing is planned for '${source}', tier '${tier ?? 'any'}'`);
  return { planned, run };
}
