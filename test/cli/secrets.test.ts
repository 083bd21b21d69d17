import { describe, expect, test } from 'vitest';
import { backstay, type Kubectl } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const PRIVATE = `
storages:
  offsite: { s3: { endpoint: 'https://minio.minio:9000', ca: { configMap: private-ca } } }
defaults: { pod: { imagePullSecrets: [registry] } }
sources:
  orders: { postgres: { host: shop-db.shop, database: orders, version: 17, credentials: { secret: shop-db }, tls: { mode: verify-full, ca: { secret: db-ca } } } }
`;

describe('secrets', () => {
  test('lists the Secrets that must exist, who reads them, and how to create them', async () => {
    const project = projectFolder();
    const { status, stdout, calls } = await backstay(['secrets', 'prod', ...project.config]);
    expect(stdout).toMatchInlineSnapshot(`
      "# Secret backup/backup-s3: S3 access key of the storage offsite
      #   read by: shop
      #   keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
      # Type these lines, then Ctrl-D: AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…
      kubectl create secret generic backup-s3 --namespace backup --from-env-file=/dev/stdin

      # Secret backup/shop-db: PostgreSQL role that backs up shop-db.shop
      #   read by: shop
      #   keys: username, password
      # Type these lines, then Ctrl-D: username=… and password=…
      kubectl create secret generic shop-db --namespace backup --from-env-file=/dev/stdin"
    `);
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
  });

  test('includes the restore role once it is set, and the server of a restore to another server', async () => {
    const admin = 'admin: { credentials: { secret: shop-admin } }';
    const server =
      'server: { host: db.acme.dev, version: 18, admin: { user: root, credentials: { secret: other-admin } }, tls: { mode: verify-ca, ca: { secret: other-ca } } }';
    const overlay = `sources: { shop: { postgres: { ${admin} } } }\n`;
    const listed = async (more: string) => {
      const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': `${overlay}${more}` });
      const { stdout } = await backstay(['secrets', 'prod', ...project.config]);
      return stdout.match(/(?<=^# )\w+ \S+: .*|(?<=^# {3})keys: .*/gm);
    };
    expect(await listed('')).toEqual(
      expect.arrayContaining(['Secret backup/shop-admin: PostgreSQL role that restores into shop-db.shop', 'keys: username, password']),
    );
    expect(await listed(`restores: { copy: { source: shop, postgres: { ${server} } } }\n`)).toEqual(
      expect.arrayContaining([
        'Secret backup/other-admin: PostgreSQL role that restores into db.acme.dev',
        'keys: password',
        'Secret backup/other-ca: CA certificate',
      ]),
    );
  });

  test('includes CA certificates and registry credentials', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': PRIVATE });
    const { stdout } = await backstay(['secrets', 'prod', ...project.config]);
    expect(stdout).toMatchInlineSnapshot(`
      "# ConfigMap backup/private-ca: CA certificate
      #   read by: orders, shop
      #   keys: ca.crt
      kubectl create configmap private-ca --namespace backup --from-file=ca.crt=FILE

      # Secret backup/backup-s3: S3 access key of the storage offsite
      #   read by: orders, shop
      #   keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
      # Type these lines, then Ctrl-D: AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…
      kubectl create secret generic backup-s3 --namespace backup --from-env-file=/dev/stdin

      # Secret backup/db-ca: CA certificate
      #   read by: orders
      #   keys: ca.crt
      kubectl create secret generic db-ca --namespace backup --from-file=ca.crt=FILE

      # Secret backup/registry: credentials for the image registry
      #   read by: orders, shop
      #   keys: .dockerconfigjson
      kubectl create secret docker-registry registry --namespace backup --from-file=.dockerconfigjson="$HOME/.docker/config.json"

      # Secret backup/shop-db: PostgreSQL role that backs up shop-db.shop
      #   read by: orders, shop
      #   keys: username, password
      # Type these lines, then Ctrl-D: username=… and password=…
      kubectl create secret generic shop-db --namespace backup --from-env-file=/dev/stdin"
    `);
  });

  test('prints no command with a value as an argument, where shell histories and process lists would show it', async () => {
    const project = projectFolder({ 'config/base.yaml': VALUES, 'config/prod.yaml': PRIVATE });
    const { stdout } = await backstay(['secrets', 'prod', ...project.config]);
    expect(stdout).not.toContain('--from-literal');
  });

  test('says so if no Secret is needed', async () => {
    const values = `namespace: app
storages: { local: { pvc: { size: 1Gi } } }
plans: { default: { storages: [local], tiers: { daily: { schedule: '@daily', keep: { last: 3 } } } } }
sources: { files: { volume: { claim: data, nextTo: { app: web } } } }
`;
    const project = projectFolder({ 'config/base.yaml': values, 'config/dev.yaml': '' });
    const { stdout } = await backstay(['secrets', 'dev', ...project.config]);
    expect(stdout).toBe('dev needs no Secret');
  });
});

describe('secrets --check', () => {
  const cluster =
    (keys: Readonly<Record<string, string>>): Kubectl =>
    (args) => {
      const name = args.split(' ')[2] ?? '';
      return keys[name] ?? { status: 1, stderr: `Error from server (NotFound): secrets "${name}" not found` };
    };
  const check = (kubectl: Kubectl, ...more: string[]) => {
    const project = projectFolder();
    return backstay(['secrets', 'prod', '--check', ...project.config, ...more], { kubectl });
  };

  test('succeeds if everything is there', async () => {
    const { status, stdout } = await check(
      cluster({ 'backup-s3': 'AWS_ACCESS_KEY_ID=set\nAWS_SECRET_ACCESS_KEY=set\n', 'shop-db': 'more=empty\npassword=set\nusername=set\n' }),
    );
    expect(stdout).toMatchInlineSnapshot(`
      "ok       Secret backup/backup-s3
      ok       Secret backup/shop-db"
    `);
    expect(status).toBe(0);
  });

  test('lists missing Secrets, missing keys and empty keys, and exits with 1', async () => {
    const { status, stdout } = await check(cluster({ 'shop-db': 'password=empty\nuser=set\n' }));
    expect(stdout).toMatchInlineSnapshot(`
      "missing  Secret backup/backup-s3: keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
      missing  Secret backup/shop-db: no key username, the key password is empty
      HINT: create them as backstay secrets prod prints"
    `);
    expect(status).toBe(1);
  });

  test('asks kubectl only for the names of keys, so that no value is printed', async () => {
    const { calls } = await check(cluster({}), '--context', 'other');
    expect(calls).toMatchInlineSnapshot(`
      [
        "--context other get secret backup-s3 --namespace backup --output go-template={{range $key, $value := .data}}{{$key}}={{if $value}}set{{else}}empty{{end}}{{"\\n"}}{{end}}",
        "--context other get secret shop-db --namespace backup --output go-template={{range $key, $value := .data}}{{$key}}={{if $value}}set{{else}}empty{{end}}{{"\\n"}}{{end}}",
      ]
    `);
  });

  test.each([
    ['no kubectl', 127, 'spawn kubectl ENOENT', 'cannot run kubectl: spawn kubectl ENOENT', 'install kubectl and add it to the PATH'],
    [
      'no cluster',
      1,
      'E1121 memcache.go\nThe connection to the server localhost:8080 was refused - did you specify the right host or port?',
      'the cluster does not answer: The connection to the server localhost:8080 was refused - did you specify the right host or port?',
      'check kubectl cluster-info, or choose another cluster with --context or KUBECONFIG',
    ],
    [
      'no cluster, as reported by a call with input',
      1,
      'error: error validating "STDIN": error validating data: Get "http://localhost:8080/openapi/v2?timeout=32s": dial tcp 127.0.0.1:8080: connect: connection refused; if you choose to ignore these errors, turn validation off with --validate=false',
      'the cluster does not answer: Get "http://localhost:8080/openapi/v2?timeout=32s": dial tcp 127.0.0.1:8080: connect: connection refused',
      'check kubectl cluster-info, or choose another cluster with --context or KUBECONFIG',
    ],
    [
      'a broken configuration',
      1,
      'error: error loading config file "kubeconfig": yaml: line 1: did not find expected node content',
      'invalid kubectl configuration: error loading config file "kubeconfig": yaml: line 1: did not find expected node content',
      'fix that file, or set KUBECONFIG to another one',
    ],
    [
      'an unknown context, as reported by a newer kubectl',
      1,
      'error: context "prd" does not exist',
      'context "prd" does not exist',
      'list your contexts with kubectl config get-contexts',
    ],
    [
      'an unknown context',
      1,
      'Error in configuration: context was not found for specified context: prd',
      'Error in configuration: context was not found for specified context: prd',
      'list your contexts with kubectl config get-contexts',
    ],
    [
      'no login',
      1,
      'error: You must be logged in to the server (Unauthorized)',
      'not logged in to the cluster: You must be logged in to the server (Unauthorized)',
      'log in to the cluster again',
    ],
    [
      'no permission',
      1,
      'Error from server (Forbidden): secrets "backup-s3" is forbidden: User "dev" cannot get resource "secrets"',
      'not allowed: Error from server (Forbidden): secrets "backup-s3" is forbidden: User "dev" cannot get resource "secrets"',
      'request this permission in the namespace, or choose another --context',
    ],
    [
      'anything else',
      1,
      'error: the moon is full',
      'kubectl failed: the moon is full',
      'this is the message of kubectl; run the same command yourself',
    ],
  ])('%s: prints a plain error and exits with 69', async (_, ended, stderrOfKubectl, message, hint) => {
    const { status, stdout, stderr } = await check(() => ({ status: ended, stderr: stderrOfKubectl }));
    expect(stderr).toBe(`error: ${message}\n  HINT: ${hint}`);
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
  });
});
