import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath, toolsCache } from './tools.ts';

/** The oldest supported release, and the newest one with published schemas. */
export const KUBERNETES = ['1.28.15', '1.34.3'] as const;

/** Errors of some files against the schemas of a release, one line each. Unknown fields are errors. */
export function schemaErrors(version: (typeof KUBERNETES)[number], files: Iterable<readonly [name: string, text: string]>): readonly string[] {
  const schemas = join(toolsCache, 'schemas');
  if (!existsSync(join(schemas, `v${version}-strict`))) {
    throw new Error(`no schemas of Kubernetes ${version}\nHINT: test/testbed/peers/make-schemas.py ${schemas} ${version}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
  try {
    for (const [name, text] of files) writeFileSync(join(folder, name.replaceAll('/', '_')), text);
    const location = `${schemas}/{{ .NormalizedKubernetesVersion }}{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
    const options = ['-strict', '-kubernetes-version', version, '-schema-location', location, '-output', 'json', '-verbose'];
    const { stdout, stderr } = spawnSync(toolPath('kubeconform'), [...options, folder], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (stdout === '') throw new Error(`kubeconform said nothing: ${stderr}`);
    const { resources } = JSON.parse(stdout) as { resources: readonly { kind: string; name: string; status: string; msg: string }[] };
    if (resources.length === 0) throw new Error('kubeconform found no object');
    return resources.filter(({ status }) => status !== 'statusValid').map(({ kind, name, status, msg }) => `${kind} ${name}: ${status} ${msg}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
