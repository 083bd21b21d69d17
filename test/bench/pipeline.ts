import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import { FLAT } from '../support/flat-scripts.ts';
import { restoreFiles } from '../support/restore-files.ts';
import { type Command, measure } from './measure.ts';

interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
  }[];
}

interface JobSpec {
  readonly template: { readonly spec: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] } };
}

interface Runs {
  readonly kind: string;
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: JobSpec & { readonly jobTemplate: { readonly spec: JobSpec } };
}

/** The task of a pod. A restore is the first one in the values. */
export type Task = 'backup' | 'restore' | 'verify';

export interface PipelineProps {
  /** Folder that everything of the benchmark lies in. */
  readonly folder: string;
  /** The values, as people write them. */
  readonly values: object;
  /** Contents of Secrets, from `secret/key` to text. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Mounts of the pod, from the path in the container, such as `/storage/local`, to a folder of this machine. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Folders of tools, as the images have them. */
  readonly path: readonly string[];
}

/** PostgreSQL refuses root, and a throw-away server must not be it. */
const NOBODY = 65_534;
const UNPRIVILEGED = process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/**
 * The containers of a synthesized Job as processes of this machine: their commands and their environment are read from
 * the YAML, and only paths are exchanged for folders.
 */
export class Pipeline {
  private readonly containers: Readonly<Record<Task, readonly Container[]>>;

  constructor(private readonly props: PipelineProps) {
    const config = join(props.folder, 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'base.yaml'), JSON.stringify(props.values));
    writeFileSync(join(config, 'bench.yaml'), '');
    const { model } = loadEnvironment(config, 'bench');
    const objects = [...synthesize(model, '0.0.0'), ...restoreFiles(model)].flatMap(([, text]) => loadAll(text) as readonly (Runs | null)[]);
    this.containers = {
      backup: containersFor('backup', objects),
      restore: containersFor('restore', objects),
      verify: containersFor('verify', objects),
    };
    cpSync(FLAT, this.scripts, { recursive: true, dereference: true });
    // For whoever is not root.
    for (const path of [props.folder, this.scripts]) chmodSync(path, 0o755);
  }

  private get scripts(): string {
    return join(this.props.folder, 'scripts');
  }

  private work(task: Task): string {
    return join(this.props.folder, `work-${task}`);
  }

  /** Deletes the results of the last backup, including those in the storage. */
  prepare(): void {
    this.prepareWork('backup');
    for (const [path, folder] of Object.entries(this.props.mounts)) {
      if (!path.startsWith('/storage/')) continue;
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    }
  }

  /** Empties the scratch of a task. */
  prepareWork(task: Task): void {
    rmSync(this.work(task), { recursive: true, force: true });
    mkdirSync(join(this.work(task), 'home'), { recursive: true });
  }

  /** Runs the steps of a task one after another. Skips the one that records the result, so that the task can be repeated. */
  run(task: Task = 'backup') {
    const uid = `${Date.now().toString(16).padStart(12, '0').slice(-8)}-0000-4000-8000-000000000000`;
    return measure(this.containers[task].flatMap((container) => this.commandsOf(task, container, uid)));
  }

  /** Bytes that the backup wrote to scratch. */
  figures() {
    const out = join(this.work('backup'), 'out');
    const size = existsSync(out) ? readdirSync(out).reduce((total, file) => total + statSync(join(out, file)).size, 0) : 0;
    return { size, scratch: size };
  }

  private commandsOf(task: Task, { name, command, env }: Container, uid: string): readonly Command[] {
    const work = this.work(task);
    const given = Object.fromEntries(env.map(({ name: variable, value, valueFrom }) => [variable, this.textOf(value, valueFrom?.secretKeyRef)]));
    const argv = command.map((word) => word.replace(/^\/scripts\//, `${this.scripts}/`));
    const own = {
      POD_UID: uid,
      POD_NAME: 'bench',
      JOB_NAME: 'bench',
      WORK_DIR: work,
      HOME: join(work, 'home'),
      TERMINATION_LOG: join(work, 'termination-log'),
    };
    const all = { ...given, ...own, PATH: [...this.props.path, process.env.PATH ?? ''].join(':') };
    if (!name.startsWith('verify-') || UNPRIVILEGED.length === 0) return [{ argv, env: all }];
    return [{ argv: ['chown', '-R', `${NOBODY}:${NOBODY}`, work] }, { argv: [...UNPRIVILEGED, ...argv], env: all }];
  }

  private textOf(value: string | undefined, secret: { readonly name: string; readonly key: string } | undefined): string {
    if (secret) return this.props.secrets[`${secret.name}/${secret.key}`] ?? '';
    // The kubelet turns a doubled dollar sign into one.
    const text = (value ?? '').replaceAll('$$', '$');
    const mount = Object.keys(this.props.mounts).find((path) => text === path || text.startsWith(`${path}/`));
    return mount === undefined ? text : text.replace(mount, this.props.mounts[mount] ?? '');
  }
}

function containersFor(task: Task, objects: readonly (Runs | null)[]): readonly Container[] {
  const found = objects.find(
    (object) => object && ['CronJob', 'Job'].includes(object.kind) && object.metadata.labels['app.kubernetes.io/component'] === task,
  );
  const { initContainers = [], containers = [] } = (found?.kind === 'CronJob' ? found.spec.jobTemplate.spec : found?.spec)?.template.spec ?? {};
  return [...initContainers, ...containers].filter(({ name }) => name !== 'record');
}
