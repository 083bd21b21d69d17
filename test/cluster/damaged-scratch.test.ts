import { afterAll, beforeAll, expect, test } from 'vitest';
import { IMAGES } from '../../lib/sources/images.ts';
import { postgresSource } from '../support/cluster/backups.ts';
import type { JobEnd } from '../support/cluster/job.ts';
import type { Json } from '../support/cluster/kubectl.ts';
import { restrictedContainer } from '../support/cluster/namespace.ts';
import { runsIn, type Stored, strayIn } from '../support/cluster/stored.ts';
import { startWorld, verdict, type World } from '../support/cluster/world.ts';

interface Damage {
  readonly script: string;
  readonly reason: RegExp;
}

/** Damage done to the scratch space between `take` and `publish`, and the reason that publish gives. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  truncated: { script: 'f=$(ls *.dump); head -c 1000 "$f" >/work/x; mv /work/x "$f"', reason: /changed since it was taken: .*\.dump/ },
  'bit-flipped': {
    script:
      'f=$(ls *.dump); b=$(dd if="$f" bs=1 skip=2000 count=1 2>/dev/null | od -An -tu1); printf "\\\\$(printf %03o $((b ^ 1)))" | dd of="$f" bs=1 seek=2000 conv=notrunc 2>/dev/null',
    reason: /changed since it was taken: .*\.dump/,
  },
  swapped: { script: 'd=$(ls *.dump); g=$(ls *.sql); mv "$d" x; mv "$g" "$d"; mv x "$g"', reason: /changed since it was taken/ },
  emptied: { script: ': >"$(ls *.dump)"', reason: /changed since it was taken: .*\.dump/ },
  removed: { script: 'rm *.dump', reason: /does not hold what the facts name: .*\.dump/ },
  'joined-by-another': { script: 'echo secret >extra', reason: /does not hold what the facts name: .*extra/ },
};
const NAMES = Object.keys(DAMAGES);

let world: World;
let ends: Readonly<Record<string, JobEnd>>;
let stored: { readonly local: Stored; readonly offsite: Stored };

beforeAll(async () => {
  world = await startWorld('damaged', () => ({ sources: Object.fromEntries(NAMES.map((name) => [name, postgresSource('db', 'shop')])) }));
  const runs = NAMES.map(async (name) => [name, await world.run(name, (job) => damage(job, DAMAGES[name]?.script ?? ''))] as const);
  ends = Object.fromEntries(await Promise.all(runs));
  stored = await world.stored();
});

afterAll(() => world?.end());

test.each(NAMES)('an artifact that is %s between take and publish fails the run with 65', (name) => {
  const end = ends[name] as JobEnd;
  expect(verdict(end)).toMatch(/^failed: take-postgres 0, damage 0, publish 65: /);
  expect(end.lastWords.reason).toMatch((DAMAGES[name] as Damage).reason);
});

test.each(NAMES)('a run whose artifact is %s stores nothing', (name) => {
  for (const storage of [stored.local, stored.offsite]) {
    expect(runsIn(storage, `${name}/daily`)).toEqual([]);
    expect(strayIn(storage, `${name}/daily`)).toEqual([]);
  }
});

test('65 is not retried, because the data would still be bad', () => {
  expect(NAMES.map((name) => [ends[name]?.reason, ends[name]?.pods.length])).toEqual(NAMES.map(() => ['PodFailurePolicy', 1]));
});

test('the same source without damage is stored', async () => {
  expect(verdict(await world.run('truncated'))).toMatch(/^complete/);
});

/** The only difference from the synthesized Job: a step that damages the artifact. */
function damage(job: Json, script: string): void {
  const pod = job.spec.template.spec;
  pod.initContainers.push({
    name: 'damage',
    image: IMAGES.busybox,
    command: ['sh', '-euc', `cd /work/out\n${script}`],
    securityContext: restrictedContainer,
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  });
}
