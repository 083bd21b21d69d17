import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startStep, startTurn, type Turn } from './turns.ts';

/** An application in the kubectl stand-in. */
export interface FakeApplication {
  readonly metadata: { readonly name: string; annotations?: Record<string, string>; labels?: Record<string, string> };
  readonly spec: { replicas?: number };
  /** Its selector, and also its own labels. */
  readonly labels?: string;
  /** `argocd `, `flux `, `disabled `. */
  readonly managers?: string;
  /** Claim that its pods mount. */
  readonly claim?: string;
  /** Number of looks until its pods are gone; -1 means never. */
  readonly stopLooks?: number;
  /** Number of looks until it is available. */
  readonly startLooks?: number;
}

/** A fault in a call such as `patch deployment/web shop {…}`. */
export interface Fault {
  readonly on: string;
  readonly times?: number;
  /** SIGKILL for the guard and its children, before or after the call. */
  readonly kill?: 'before' | 'after';
  /** The call fails with this message. */
  readonly says?: string;
  /** Scales an application up, as something else would. */
  readonly scales?: string;
  /** A file to write at that moment. */
  readonly writes?: string;
}

export interface FakeCluster {
  /** By `namespace/kind/name`. */
  readonly objects: Record<string, FakeApplication>;
  readonly scalers: readonly { readonly namespace: string; readonly kind: string; readonly target: string; readonly name: string }[];
  /** Other pods that mount a claim. */
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly claim: string;
    readonly ending?: boolean;
    readonly looks?: number;
  }[];
  readonly faults: readonly Fault[];
  readonly calls: readonly string[];
  readonly phases: readonly string[];
}

export const application = (name: string, replicas: number, more: Partial<FakeApplication> = {}): FakeApplication => ({
  metadata: { name },
  spec: { replicas },
  labels: `app=${name}`,
  ...more,
});

/** A pod with a guard, and its cluster. */
export class GuardedPod {
  readonly work = mkdtempSync(join(tmpdir(), 'work-'));
  private readonly bin = mkdtempSync(join(tmpdir(), 'bin-'));
  private readonly file: string;

  constructor(
    private readonly shell: readonly string[],
    cluster: Partial<FakeCluster>,
    private readonly env: Readonly<Record<string, string>> = {},
    file?: string,
  ) {
    this.file = file ?? join(this.bin, 'cluster.json');
    if (!file) this.write({ objects: {}, scalers: [], pods: [], faults: [], calls: [], phases: [], ...cluster });
    const kubectl = join(this.bin, 'kubectl');
    writeFileSync(kubectl, `#!/bin/sh\nexec '${process.execPath}' '${resolve('test/support/fake-kubectl.mjs')}' "$@"\n`);
    chmodSync(kubectl, 0o755);
  }

  /** The pod of the Job's next attempt: new scratch space, same cluster. */
  next(env: Readonly<Record<string, string>> = this.env): GuardedPod {
    return new GuardedPod(this.shell, {}, env, this.file);
  }

  get cluster(): FakeCluster {
    return JSON.parse(readFileSync(this.file, 'utf8')) as FakeCluster;
  }

  change(change: (cluster: FakeCluster) => Partial<FakeCluster>): void {
    const { cluster } = this;
    this.write({ ...cluster, ...change(cluster) });
  }

  private write(cluster: FakeCluster): void {
    const job = { metadata: { name: 'restore-shop' }, spec: {} };
    this.clusterWith({ ...cluster, objects: { 'backup/job/restore-shop': job, ...cluster.objects } });
  }

  private clusterWith(cluster: FakeCluster): void {
    writeFileSync(this.file, JSON.stringify(cluster));
  }

  /** Writes a file that an earlier step would have left. */
  leave(file: string, text: string): void {
    mkdirSync(join(this.work, 'run'), { recursive: true });
    writeFileSync(join(this.work, 'run', file), text);
  }

  guard(): Turn {
    return startStep('guard.sh', [], this.shell, {
      PATH: `${this.bin}:/usr/local/bin:/usr/bin:/bin`,
      FAKE_CLUSTER: this.file,
      WORK_DIR: this.work,
      NAMESPACE: 'backup',
      RESTORE_ID: 'bcdfghjk',
      POD_NAME: 'restore-shop-x',
      JOB_NAME: 'restore-shop',
      TURN_LAST: 'restore-database',
      STATES: 'database',
      STOP_WAIT_SECONDS: '20',
      START_WAIT_SECONDS: '20',
      KUBE_WAIT_SECONDS: '5',
      ...this.env,
    });
  }

  /** A step of the restore; `body` is a script that can call `state WORD`. */
  step(turn: string, after: string, body: string): Turn {
    const state = 'state() { mkdir -p "$WORK_DIR/run"; echo "$1" >"$WORK_DIR/run/state-database"; }';
    return startTurn({ work: this.work, shell: this.shell, turn, after, body: `${state}\n${body}` });
  }

  /** Annotations and replicas of an application. */
  of(key: string): { readonly replicas?: number } & Readonly<Record<string, unknown>> {
    const object = this.cluster.objects[key];
    return { replicas: object?.spec.replicas, ...object?.metadata.annotations };
  }
}
