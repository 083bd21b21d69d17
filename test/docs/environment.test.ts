import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { layout } from '../../lib/charts/layout.ts';
import { cataloguePod, manualJob } from '../../lib/charts/manual.ts';
import { objectsOf } from '../../lib/charts/objects.ts';
import { restoreObjects } from '../../lib/charts/restore.ts';
import { environmentReference } from '../../lib/environment-reference.ts';
import type { Env } from '../../lib/pod.ts';
import { scriptHeader, withReads } from '../../lib/script-headers.ts';
import { scriptFiles, scriptText } from '../../lib/scripts.ts';
import { aFullModel } from '../support/model.ts';
import { podOf } from '../support/objects.ts';
import { anEnd } from '../support/restores.ts';
import { SAMPLES } from '../support/samples.ts';

test('docs/environment.md matches the headers of the scripts, after npm run schema', () => {
  expect(readFileSync('docs/environment.md', 'utf8')).toBe(environmentReference());
});

/** Variables that no construct sets: for tests, or for a pod that a user has edited. */
const NEVER_SET = ['NOW', 'TERMINATION_LOG', 'STORE_WAIT_SECONDS', 'KUBE_WAIT_SECONDS'];
/** Variables that a script does not need although a file that it reads does: retention in fetch.sh, and a turn of its own in guard.sh. */
const NOT_USED: Readonly<Record<string, RegExp>> = { 'fetch.sh': /^STORAGE_n_KEEP_/, 'guard.sh': /^TURN(_AFTER)?$/ };
/** Variables for the tools of a container, which no script reads. */
const FOR_TOOLS = ['HOME', 'PATH'];

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
const kept = { postgres: { kept: 'wiki_before_20260101_000000' } };
/** With the upper bound that the command line sets. */
const bounded = model.restores.map((restore) => ({ ...restore, origin: { ...restore.origin, notAfter: 1_795_246_400 } }));
const restoring = [...bounded, anEnd('swap-back', 'wiki', kept), anEnd('drop-old', 'uploads')]
  .flatMap((restore) => restoreObjects(restore, model.images))
  .filter(({ kind }) => kind === 'Job');

/** The variables of each container, with `n` for numbers, and its scripts: one, or `turn.sh` and the script that it starts. */
const told = [...made, ...byHand, ...restoring].map(podOf).flatMap(({ initContainers = [], containers }) =>
  [...initContainers, ...containers].map(({ command, env }) => ({
    scripts: command.flatMap((word) => (word.startsWith('/scripts/') ? [word.replace('/scripts/', '')] : [])),
    names: env.map(({ name }) =>
      name
        .replace(/^STORAGE_\d+_/, 'STORAGE_n_')
        .replace(/^RCLONE_CONFIG_S\d+_.*/, 'RCLONE_CONFIG_*')
        .replace(/^(ASSERT_(QUERY|ANSWER))_\d+$/, '$1_n'),
    ),
  })),
);

describe.each([...new Set(told.flatMap(({ scripts }) => scripts))])('%s', (script) => {
  const containers = told.filter(({ scripts }) => scripts.includes(script));

  test('gets only variables that are in its header or in that of a file that it reads', () => {
    const strange = containers.flatMap(({ scripts, names }) => {
      const documented = new Set([...scripts.flatMap((each) => [...documentedBy(each)]), ...FOR_TOOLS]);
      return names.filter((name) => !documented.has(name));
    });
    expect([...new Set(strange)]).toEqual([]);
  });

  test('gets all variables that are in these headers', () => {
    const names = new Set(containers.flatMap((container) => container.names));
    const wanted = [...documentedBy(script)].filter((name) => !NEVER_SET.includes(name) && !NOT_USED[script]?.test(name));
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  });
});

/** Read by libpq, not by a script. */
const LIBPQ = /^PGSSL/;
const bodyOf = (file: string) => scriptText(file).replace(/^(#.*\n)+/, '');

test.each(scriptFiles().filter((file) => scriptHeader(file).variables.length > 0))(
  '%s names no variable in its header that nothing reads',
  (file) => {
    const together = scriptFiles()
      .map(withReads)
      .filter((files) => files.includes(file));
    const text = [...new Set(together.flat())].map(bodyOf).join('\n');
    const names = scriptHeader(file)
      .variables.flatMap((variable) => variable.names)
      .filter((name) => /^[A-Z_]+$/.test(name) && !LIBPQ.test(name));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  },
);

test('the containers under test include the steps of every method that backs up, restores or verifies', () => {
  const context = { environment: 'prod', source: 'shop', namespace: 'backup', throttle: { perServer: 3, wait: 3600 } };
  const aRestore = { ...context, inPlace: false, action: 'restore', id: 'bcdfghjk' } as const;
  const steps = SAMPLES.flatMap(({ kind, method: { parts, restore, verify, sample } }) => {
    const settings = kind.schema.parse(sample.settings);
    return [
      ...parts(settings, context),
      ...(restore?.parts(settings, kind.restoreSchema?.parse({}), aRestore) ?? []),
      ...(verify?.parts(settings, kind.verifySchema?.parse({}), context) ?? []),
    ].map(({ script }) => script);
  });
  expect(steps.length).toBeGreaterThan(SAMPLES.length);
  expect(told.flatMap(({ scripts }) => scripts)).toEqual(
    expect.arrayContaining([...['fetch.sh', 'record.sh', 'turn.sh', 'guard.sh', 'install-shell.sh'], ...steps]),
  );
});

function documentedBy(script: string): ReadonlySet<string> {
  const { variables, reads } = scriptHeader(script);
  return new Set([...variables.flatMap(({ names }) => names), ...reads.flatMap((file) => [...documentedBy(file)])]);
}
