import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { layout } from '../../lib/charts/layout.ts';
import { cataloguePod, manualJob } from '../../lib/charts/manual.ts';
import { objectsOf } from '../../lib/charts/objects.ts';
import { environmentReference } from '../../lib/environment-reference.ts';
import type { Env } from '../../lib/pod.ts';
import { scriptHeader } from '../../lib/script-headers.ts';
import { aFullModel } from '../support/model.ts';
import { podOf } from '../support/objects.ts';

test('docs/environment.md is what the headers say: npm run schema writes it again', () => {
  expect(readFileSync('docs/environment.md', 'utf8')).toBe(environmentReference());
});

/** What no construct sets: for tests, or to be set by hand in a pod that somebody changed. */
const NEVER_SET = ['NOW', 'TERMINATION_LOG', 'STORE_WAIT_SECONDS'];
/** What every container has for its tools, and no script reads. */
const FOR_TOOLS = ['HOME'];

const model = aFullModel();
const actions: readonly Env[] = [
  { ACTION: 'list' },
  { ACTION: 'get', STORAGE: 'offsite', RUN_ID_WANTED: 'bcdfghjk' },
  { ACTION: 'prune', DRY_RUN: 'true', CONFIRM: 'prod/shop' },
];
const made = [...layout(model)].flatMap(({ build }) => objectsOf(build)).filter(({ kind }) => kind === 'CronJob');
const byHand = [
  manualJob(model, 'shop', 'daily', { label: 'before an upgrade' }),
  ...actions.map((action) => cataloguePod(model, 'shop', undefined, action)),
];

/** The variables of each script's containers, numbers of storages as `n`. */
const set = new Map<string, Set<string>>();
for (const { initContainers = [], containers } of [...made, ...byHand].map(podOf)) {
  for (const { command, env } of [...initContainers, ...containers]) {
    const script = command[1]?.replace('/scripts/', '') ?? '';
    const names = env.map(({ name }) => name.replace(/^STORAGE_\d+_/, 'STORAGE_n_').replace(/^RCLONE_CONFIG_S\d+_.*/, 'RCLONE_CONFIG_*'));
    set.set(script, new Set([...(set.get(script) ?? []), ...names]));
  }
}

describe.each([...set])('%s', (script, names) => {
  const documented = documentedBy(script);

  test('is told nothing that its header, or that of a file it reads, does not name', () => {
    expect([...names].filter((name) => !documented.has(name) && !FOR_TOOLS.includes(name))).toEqual([]);
  });

  test('is told everything that they name', () => {
    expect([...documented].filter((name) => !names.has(name) && !NEVER_SET.includes(name))).toEqual([]);
  });
});

function documentedBy(script: string): ReadonlySet<string> {
  const { variables, reads } = scriptHeader(script);
  return new Set([...variables.flatMap(({ names }) => names), ...reads.flatMap((file) => [...documentedBy(file)])]);
}
