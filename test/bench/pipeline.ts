import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadAll } from 'js-yaml';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
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

interface CronJob {
  readonly kind: string;
  readonly spec: {
    readonly jobTemplate: {
      readonly spec: {
        readonly template: { readonly spec: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] } };
      };
    };
  };
}

export interface PipelineProps {
  /** Folder that everything of the benchmark lies in. */
  readonly folder: string;
  /** The values, as people write them. */
  readonly values: object;
  /** What Secrets hold: `secret/key` to text. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What a container sees at a path that the pod mounts: `/storage/local` to a folder of this machine. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Folders of tools, as the images have them. */
  readonly path: readonly string[];
}

/**
 * The containers of a synthesized CronJob as processes of this machine: their commands and their environment are read
 * from the YAML, and only paths are exchanged for folders.
 */
export class Pipeline {
  readonly work: string;
  private readonly containers: readonly Container[];

  constructor(private readonly props: PipelineProps) {
    this.work = join(props.folder, 'work');
    const config = join(props.folder, 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'base.yaml'), JSON.stringify(props.values));
    writeFileSync(join(config, 'bench.yaml'), '');
    const { model } = loadEnvironment(config, 'bench');
    this.containers = containersOf(synthesize(model, '0.0.0'));
  }

  /** Empties what the last run left. */
  prepare(): void {
    rmSync(this.work, { recursive: true, force: true });
    mkdirSync(join(this.work, 'home'), { recursive: true });
    for (const [path, folder] of Object.entries(this.props.mounts)) {
      if (!path.startsWith('/storage/')) continue;
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    }
  }

  run() {
    const uid = `${Date.now().toString(16).padStart(12, '0').slice(-8)}-0000-4000-8000-000000000000`;
    return measure(this.containers.map((container) => this.commandOf(container, uid)));
  }

  /** Bytes of what the run made and put into scratch. */
  figures() {
    const out = join(this.work, 'out');
    const size = existsSync(out) ? readdirSync(out).reduce((total, file) => total + statSync(join(out, file)).size, 0) : 0;
    return { size, scratch: size };
  }

  private commandOf({ command, env }: Container, uid: string): Command {
    const given = Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, this.textOf(value, valueFrom?.secretKeyRef)]));
    const argv = command.map((word) => word.replace(/^\/scripts\//, `${resolve('scripts')}/`));
    const own = {
      POD_UID: uid,
      POD_NAME: 'bench',
      JOB_NAME: 'bench',
      WORK_DIR: this.work,
      HOME: join(this.work, 'home'),
      TERMINATION_LOG: join(this.work, 'termination-log'),
    };
    return { argv, env: { ...given, ...own, PATH: [...this.props.path, process.env.PATH ?? ''].join(':') } };
  }

  private textOf(value: string | undefined, secret: { readonly name: string; readonly key: string } | undefined): string {
    if (secret) return this.props.secrets[`${secret.name}/${secret.key}`] ?? '';
    // The kubelet turns a doubled dollar sign into one.
    const text = (value ?? '').replaceAll('$$', '$');
    const mount = Object.keys(this.props.mounts).find((path) => text === path || text.startsWith(`${path}/`));
    return mount === undefined ? text : text.replace(mount, this.props.mounts[mount] ?? '');
  }
}

function containersOf(files: ReadonlyMap<string, string>): readonly Container[] {
  const jobs = [...files].find(([path]) => path.endsWith('jobs/bench.yaml'))?.[1] ?? '';
  const cronJob = loadAll(jobs).find((object) => (object as CronJob | null)?.kind === 'CronJob') as CronJob;
  const { initContainers, containers } = cronJob.spec.jobTemplate.spec.template.spec;
  return [...initContainers, ...containers];
}
