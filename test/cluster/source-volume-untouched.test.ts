import { afterAll, beforeAll, expect, test } from 'vitest';
import { AWKWARD_FILES, LIST_TREE } from '../support/cluster/awkward.ts';
import { claim, deploy, testValues } from '../support/cluster/backups.ts';
import { startDesk } from '../support/cluster/desk.ts';
import { run } from '../support/cluster/job.ts';
import { apply, kubectl } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { verdict } from '../support/cluster/world.ts';

const APP_USER = 1000;
/** Includes the claim's root folder, where the kubelet starts. */
const LOOK = `cd /claims/app-data; find . -maxdepth 1 -printf '%m %U %G %p\\n' | sort; ${LIST_TREE}`;

let ns: Namespace;

beforeAll(async () => {
  ns = await freshNamespace('untouched');
  await apply(claim(ns.name, 'app-data'));
});

afterAll(() => ns?.end());

/** A pod of the application that runs and ends. While it mounts the claim, the kubelet does not change the claim anyway. */
async function asApplication(name: string, script: string): Promise<string> {
  const app = await startDesk(ns.name, { name, claims: ['app-data'], user: APP_USER });
  const said = await app.sh(script);
  await kubectl(['delete', 'pod', '-n', ns.name, name, '--wait=true']);
  return said;
}

test('a claim that only the backup mounts keeps its modes and owners', async () => {
  const before = await asApplication('before', `cd /claims/app-data; mkdir -m 700 pgdata; cd pgdata; ${AWKWARD_FILES}\n${LOOK}`);
  const node = (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
  const sources = { files: { volume: { claim: 'app-data', node }, storages: ['local'], pod: { runAsUser: APP_USER } } };
  await deploy(ns.name, testValues({ namespace: ns.name, s3: { url: 'https://127.0.0.1:9' }, bucket: 'unused' }, { sources }));
  expect(verdict(await run(ns.name, 'backup-files-daily'))).toMatch(/^complete/);
  expect(await asApplication('after', LOOK)).toBe(before);
  expect(before).toContain('700 1000 1000 ./pgdata');
});
