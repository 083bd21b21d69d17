import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { expect } from 'vitest';
import { merge } from './backups.ts';
import { type Follower, followerIn } from './follow.ts';
import { apply, type Json, kubectl, read } from './kubectl.ts';
import type { S3 } from './s3.ts';
import { until } from './until.ts';

/** The document that explains how to start the shop. */
export const EXAMPLE = 'examples/application/README.md';
/** Its namespace in the documents. */
const NAMESPACE = 'shop';
/** With characters that are special to a shell. */
const PASSWORDS = { shop: "o'r$der \\1", backup: 'b"ack $(up)', restore: "re's t\\ore" };
/** Input for `\password`, which asks twice. */
export const TYPED = { '\\password': [PASSWORDS.backup, PASSWORDS.backup, PASSWORDS.restore, PASSWORDS.restore, ''].join('\n') };

/** The application of examples/application in a test's namespace, and a user who follows the documents there. */
export interface Shop {
  readonly user: Follower;
  /** Creates the Secrets, as a user has them in a safe. */
  readonly makeSecrets: () => Promise<void>;
  /** Follows its README until it takes orders. */
  readonly start: () => Promise<void>;
  readonly sql: (text: string, database?: string) => Promise<string>;
  /** Runs a shell script in the application. */
  readonly sh: (script: string) => Promise<string>;
  readonly lastOrder: () => Promise<number>;
  /** The orders up to a given one, and the definition of their table. The shop keeps taking orders meanwhile. */
  readonly ordersUpTo: (last: number, database?: string) => Promise<string>;
  readonly deployment: () => Promise<Json>;
  /** Waits until the shop takes new orders. */
  readonly expectOpen: () => Promise<void>;
}

export function shopIn(namespace: string, s3: S3): Shop {
  const user = followerIn(folderOf(namespace, s3), NAMESPACE, namespace);
  const makeSecrets = () => secretsOf(namespace, s3);
  const sql = (text: string, database = 'shop') =>
    kubectl(['exec', '-i', '-n', namespace, 'shop-db-0', '--', ...'psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d'.split(' '), database], text);
  const deployment = () => read(`/apis/apps/v1/namespaces/${namespace}/deployments/shop`);
  const lastOrder = async () => Number(await sql('select coalesce(max(id), 0) from orders'));

  const expectOpen = async () => {
    const from = await lastOrder();
    await until('another order', 60, async () => ((await lastOrder()) > from ? true : undefined));
    await until('the shop to be ready', 60, async () => ((await deployment())?.status.readyReplicas === 1 ? true : undefined));
    const { metadata } = await deployment();
    expect(Object.keys(metadata.annotations).filter((name) => name.startsWith('backstay.dev/'))).toEqual([]);
  };

  return {
    user,
    makeSecrets,
    start: async () => {
      await makeSecrets();
      // The namespace exists already and only admits "restricted" pods.
      await user.section(EXAMPLE, 'Start the shop', { names: { [`kubectl create namespace ${namespace}`]: ':' } });
      await user.section(EXAMPLE, 'Make the roles', { types: TYPED });
      await expectOpen();
    },
    sql,
    sh: (script) => kubectl(['exec', '-i', '-n', namespace, 'deployment/shop', '--', 'sh', '-eu'], script),
    lastOrder,
    ordersUpTo: (last, database) => sql(ordersAndTheirTable(last), database),
    deployment,
    expectOpen,
  };
}

/** A user's folder: the files in Git, adapted to the store and the little space of a test bed. */
function folderOf(namespace: string, s3: S3): string {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  const example = join(folder, 'examples/application');
  mkdirSync(join(folder, 'examples'));
  cpSync('examples/application', example, { recursive: true });
  symlinkSync(resolve('docs'), join(folder, 'docs'));
  for (const name of readdirSync(join(example, 'manifests'))) rewrite(join(example, 'manifests', name), (text) => text.replaceAll('10Gi', '1Gi'));
  rewrite(join(example, 'manifests/kustomization.yaml'), (text) => text.replace(`namespace: ${NAMESPACE}`, `namespace: ${namespace}`));
  rewrite(join(example, 'manifests/shop.yaml'), (text) => text.replace("value: '5'", "value: '1'"));
  rewrite(join(example, 'config/base.yaml'), (text) => JSON.stringify(merge(load(text), overBase(namespace, s3)), undefined, 2));
  rewrite(join(example, 'config/prod.yaml'), (text) => text.replace('100Gi', '1Gi'));
  return folder;
}

function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

const overBase = (namespace: string, s3: S3): Json => ({
  namespace,
  storages: { local: { pvc: { size: '1Gi' } }, offsite: { s3: { region: 'us-east-1', endpoint: s3.url, ca: { configMap: 'private-ca' } } } },
  defaults: {
    pod: { scratch: { size: '256Mi' }, resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '512Mi' } } },
    job: { backoffLimit: 0, deadline: '10m' },
  },
});

async function secretsOf(namespace: string, s3: S3): Promise<void> {
  const secret = (name: string, username: string, password: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { username, password },
  });
  await apply(
    secret('shop-db', 'shop', PASSWORDS.shop),
    secret('shop-db-backup', 'backstay', PASSWORDS.backup),
    secret('shop-db-restore', 'backstay_restore', PASSWORDS.restore),
  );
  await s3.introduce(namespace);
}

const ordersAndTheirTable = (last: number) => `
  select count(*), md5(string_agg(o::text, ',' order by id)) from orders o where id <= ${last};
  select owner::regrole, string_agg(c, ',') from (select relowner as owner, attname || ' ' || atttypid::regtype as c
    from pg_class join pg_attribute on attrelid = pg_class.oid where relname = 'orders' and attnum > 0 order by attnum) x group by 1;
  select indexdef from pg_indexes where tablename = 'orders'`;
