import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { cataloguePod, manualJob, verifyJob } from '../../lib/charts/manual.ts';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { listEnvironments } from '../../lib/config/read.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import type { Model } from '../../lib/model/model.ts';
import { aFullModel } from './model.ts';
import type { KubernetesObject } from './objects.ts';
import { restoreFiles } from './restore-files.ts';

/** An object and its file. */
export interface Placed {
  readonly file: string;
  readonly object: KubernetesObject;
}

/** Every environment of the project: one with every option, `config/`, and all examples. */
export function everyModel(): readonly (readonly [string, Model])[] {
  const examples = existsSync('examples') ? readdirSync('examples').map((name) => join('examples', name, 'config')) : [];
  const folders = ['config', ...examples].filter((folder) => existsSync(join(folder, 'base.yaml')));
  return [
    ['every option', aFullModel()],
    ...folders.flatMap((folder) => listEnvironments(folder).map((name) => [`${folder} ${name}`, loadEnvironment(folder, name).model] as const)),
  ];
}

/** The objects of an environment, read back from their YAML, without the kustomizations. */
export function objectsIn(model: Model): readonly Placed[] {
  return [...synthesize(model, '0.0.0')].flatMap(([file, text]) =>
    file.endsWith('/kustomization.yaml') ? [] : loadAll(text).map((object) => ({ file, object: object as KubernetesObject })),
  );
}

/** The objects of `dist/restores/<environment>/`, read back from their YAML. */
export function objectsOfRestores(model: Model): readonly Placed[] {
  return [...restoreFiles(model)].flatMap(([file, text]) => loadAll(text).map((object) => ({ file, object: object as KubernetesObject })));
}

/** The objects that the command line creates for an environment: manual runs of all tiers, verifications, and pods of `list`. */
export function objectsByHand(model: Model): readonly Placed[] {
  const made = model.sources.flatMap(({ name, runs, verify }) => [
    ...runs.map(({ tier }) => manualJob(model, name, tier, { label: 'before an upgrade' })),
    ...(verify ? [verifyJob(model, name)] : []),
    cataloguePod(model, name, undefined, { ACTION: 'list' }),
  ]);
  return made.map((object) => ({ file: 'by hand', object: object as unknown as KubernetesObject }));
}
