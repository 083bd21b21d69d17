import { readdirSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { listEnvironments } from '../../lib/config/read.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import { scriptFiles, scriptText } from '../../lib/scripts.ts';

/** Lines of all scripts with their file, without comments. Continued lines are joined. */
const lines = scriptFiles().flatMap((file) =>
  scriptText(file)
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => `${file}: ${line.replace(/(^|\s)#.*$/, '').trim()}`),
);
const found = (pattern: RegExp) => lines.filter((line) => pattern.test(line.replace(/^[^:]*: /, '')));

describe('no script may', () => {
  test.each<[string, RegExp]>([
    [
      'pipe a tool whose failure matters',
      /(?<![\w/-])(pg_dump|pg_dumpall|pg_restore|psql|rclone|tar|gzip|zstd|gpg)\b(?! --version)[^|"']*[^|]\|[^|]/,
    ],
    ['hide a failure behind a declaration', /\b(local|export|readonly)\b[^;]*=[^;]*\$\(/],
    ['print its commands with their passwords', /\bset -[a-z]*x/],
    ['install a tool while it runs', /\b(apk|apt|apt-get|pip|npm|curl|wget)\b/],
    // A pattern of `case` matches the request of a user. Anything else would be the name of a pointer.
    ['keep a pointer to the latest backup', /\blatest\b(?!(-verified)?'\))/],
    ['rename what is stored', /\brclone\b.*\b(move|moveto|backend)\b/],
    ['choose by the order of a listing', /\bls\b[^-]*\|/],
    ['look at the dates of a store', /ModTime|LastModified|--(min|max)-age|\blsl\b/],
    ['count days with find', /-(mtime|mmin|newer)\b/],
  ])('%s', (_, pattern) => {
    expect(found(pattern)).toEqual([]);
  });

  test('escape these checks because nothing was read', () => {
    expect(lines.length).toBeGreaterThan(500);
    expect(found(/\brclone\b/).length).toBeGreaterThan(5);
  });
});

interface Job {
  readonly kind: string;
  readonly spec?: { readonly jobTemplate?: { readonly spec: { readonly template: { readonly spec: PodSpec } } } };
}

interface PodSpec {
  readonly restartPolicy: string;
  readonly securityContext: { readonly fsGroupChangePolicy: string };
}

describe('no manifest lets', () => {
  const folders = ['config', ...readdirSync('examples').map((name) => `examples/${name}/config`)];
  const objects = folders.flatMap((folder) =>
    listEnvironments(folder).flatMap((environment) =>
      [...synthesize(loadEnvironment(folder, environment).model, '0.0.0').values()].flatMap((text) => loadAll(text) as Job[]),
    ),
  );
  const pods = objects.flatMap(({ spec }) => spec?.jobTemplate?.spec.template.spec ?? []);

  test('a container be started again in its pod', () => {
    expect(pods.length).toBeGreaterThan(3);
    expect(new Set(pods.map(({ restartPolicy }) => restartPolicy))).toEqual(new Set(['Never']));
  });

  test('a Job, which cannot be changed, be applied', () => {
    expect(objects.map(({ kind }) => kind)).toContain('CronJob');
    expect(objects.map(({ kind }) => kind)).not.toContain('Job');
  });

  test('all files of a large claim change their group at every mount', () => {
    expect(new Set(pods.map(({ securityContext }) => securityContext.fsGroupChangePolicy))).toEqual(new Set(['OnRootMismatch']));
  });
});
