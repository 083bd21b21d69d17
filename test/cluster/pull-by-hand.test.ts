import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claim } from '../support/cluster/backups.ts';
import { type Desk, startDesk } from '../support/cluster/desk.ts';
import { apply, KUBECONFIG } from '../support/cluster/kubectl.ts';
import { freshNamespace, type Namespace } from '../support/cluster/namespace.ts';
import { blocksIn } from '../support/documents.ts';
import { toolsCache } from '../support/tools.ts';

/** The name in the document. */
const NAME = '20261121-020000-hkbdmnrt';
const OWNER = 1000;
/** A claim as `publish` leaves it: only the group of all backup pods can access it. */
const STORED = `umask 027; mkdir -p /tmp/wiki/pages prod/shop/daily; echo page >/tmp/wiki/pages/one; ln -s one /tmp/wiki/pages/two
cd prod/shop/daily; tar -C /tmp/wiki -cf - . | zstd -q >${NAME}.tar.zst; echo globals >'${NAME}+globals.sql'; echo other >${NAME.slice(0, -1)}x.dump
{ printf '{"parts":['; for file in ${NAME}.tar.zst '${NAME}+globals.sql'; do
  printf '{"name":"%s","role":"artifact","bytes":%s,"sha256":"%s"},' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -c 1-64)"
done; echo '{}]}'; } >${NAME}.manifest.json`;

let ns: Namespace;
let desk: Desk;
const here = mkdtempSync(join(tmpdir(), 'pulled-'));
const blocks = blocksIn('docs/pull-by-hand.md').filter(({ language }) => language === 'sh');

/** The block of the page that contains these words, adapted to the namespaces of this test. */
function block(words: string): string {
  const found = blocks.filter(({ text }) => text.includes(words));
  expect(found.map(({ where }) => where)).toHaveLength(1);
  return String(found[0]?.text).replaceAll(/(-n |namespace: )(backup|wiki)\b/g, `$1${ns.name}`);
}

async function run(text: string): Promise<string> {
  const env = { ...process.env, KUBECONFIG, PATH: [join(toolsCache, 'cluster/bin'), process.env.PATH].join(':') };
  return (await promisify(execFile)('bash', ['--norc', '-euc', text], { cwd: here, env })).stdout;
}

beforeAll(async () => {
  ns = await freshNamespace('by-hand');
  await apply(claim(ns.name, 'backup-local'), claim(ns.name, 'data-wiki'));
  desk = await startDesk(ns.name, { claims: ['backup-local', 'data-wiki'], fsGroup: 10999 });
  await desk.sh(`cd /claims/backup-local; ${STORED}`);
});
afterAll(() => ns?.end());

test('docs/pull-by-hand.md: a pod that a restricted namespace admits lists, checks and copies a claim', async () => {
  await run(block('kubectl apply'));
  const [list, manifest, sums] = (await run(block('find /storage'))).split(/(?=^\{)|^(?=\S+: OK$)/m);
  expect(list).toBe(`/storage/prod/shop/daily/${NAME}.manifest.json\n`);
  expect(manifest).toMatch(/^\{"parts":/);
  expect(sums).toContain(`${NAME}.tar.zst: OK`);
  await run(block('| tar -xf -'));
  expect(readdirSync(here).sort()).toEqual([`${NAME}+globals.sql`, `${NAME}.manifest.json`, `${NAME}.tar.zst`]);
  expect(readFileSync(join(here, `${NAME}+globals.sql`), 'utf8')).toBe('globals\n');
});

test('docs/pull-by-hand.md: sends an archive into the claim of an application', async () => {
  const pod = block('kubectl apply')
    .replaceAll(', readOnly: true }', ' }')
    .replaceAll(/\bpull\b/g, 'restore')
    .replace('backup-local', 'data-wiki')
    .replace('/storage', '/data')
    .replaceAll('999,', `${OWNER},`);
  await run(pod);
  const restore = block('kubectl -n wiki exec -i restore')
    .split('\n')
    .filter((line) => !line.includes(' scale '));
  expect(await run(restore.join('\n'))).toMatch(/ pages$/m);
  expect(await desk.sh("cd /claims/data-wiki/restored; find . -printf '%P %U %l\\n' | sort; cat pages/two")).toBe(
    ` ${OWNER} \npages ${OWNER} \npages/one ${OWNER} \npages/two ${OWNER} one\npage\n`,
  );
});

test('docs/pull-by-hand.md: removes the pod', async () => {
  expect(await run(block('delete pod'))).toContain('pod "pull" deleted');
});
