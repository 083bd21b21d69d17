import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { loadEnvironment } from '../../lib/model/load.ts';
import { toolPath } from '../support/tools.ts';
import { interleaved, measure, mebibytes, seconds, table, times } from './measure.ts';

const SIZES = [10, 100, 1000, 5000] as const;
const RUNS = 5;

/** Compares synthesis of many sources with `helm template` of a chart that makes the same objects from the same values. */
export async function benchSynthesis(): Promise<string> {
  const rows = [['sources', 'backstay', 'memory', 'helm', 'memory', 'backstay is faster by']];
  for (const count of SIZES) rows.push(await row(count));
  return table(rows);
}

async function row(count: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-synthesis-'));
  try {
    writeValues(folder, count);
    const medians = await interleaved([backstay(folder), helm(folder)], RUNS);
    const [ours, theirs] = [medians.get('backstay'), medians.get('helm')];
    const ratio = (theirs?.wall ?? 0) / (ours?.wall ?? 1);
    return [String(count), seconds(ours?.wall), mebibytes(ours?.memory), seconds(theirs?.wall), mebibytes(theirs?.memory), times(ratio)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function backstay(folder: string) {
  return {
    name: 'backstay',
    prepare: () => rmSync(join(folder, 'dist'), { recursive: true, force: true }),
    run: () =>
      measure([
        { argv: ['node', resolve('build/main.js'), 'synth', 'prod', '--config', join(folder, 'config'), '--out', join(folder, 'dist')], cwd: folder },
      ]),
  };
}

function helm(folder: string) {
  const chart = join(folder, 'chart');
  writeChart(chart);
  return {
    name: 'helm',
    prepare: () => rmSync(join(folder, 'helm'), { recursive: true, force: true }),
    run: () =>
      measure([
        { argv: [toolPath('helm'), 'template', 'backup', chart, '--values', join(folder, 'helm.yaml'), '--output-dir', join(folder, 'helm')] },
      ]),
  };
}

/** A chart of the same objects: our files for one source, with its name replaced by a template. */
function writeChart(chart: string): void {
  const one = mkdtempSync(join(tmpdir(), 'bench-one-'));
  writeValues(one, 1);
  const { model } = loadEnvironment(join(one, 'config'), 'prod');
  rmSync(one, { recursive: true });
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: backup\nversion: 1.0.0\n');
  for (const [path, text] of synthesize(model, '0.0.0')) {
    if (path.endsWith('kustomization.yaml')) continue;
    const escaped = text.replaceAll('{{', '{{ "{{" }}');
    const ofSource = escaped.replaceAll('source-0', '{{ .name }}');
    const file = join(chart, 'templates', path.replaceAll('/', '-'));
    writeFileSync(
      file,
      path.includes('/jobs/') || path.startsWith('jobs/') ? `{{- range .Values.sources }}\n---\n${ofSource}\n{{- end }}\n` : escaped,
    );
  }
}

/** The same fleet for both: each source with its own database, five tiers would only multiply the same. */
function writeValues(folder: string, count: number): void {
  const names = Array.from({ length: count }, (_, index) => `source-${index}`);
  mkdirSync(join(folder, 'config'));
  const base = {
    namespace: 'backup',
    storages: { local: { pvc: { size: '10Gi' } }, offsite: { s3: { bucket: 'acme-backups', credentials: { secret: 'backup-s3' } } } },
    plans: { default: { storages: ['local', 'offsite'], tiers: { daily: { schedule: '0 2 * * *', keep: { daily: 7, weekly: 4 } } } } },
    defaults: { postgres: { host: '{{ .Source }}-rw.{{ .Source }}', database: 'app', version: 17, credentials: { secret: '{{ .Source }}-backup' } } },
    sources: Object.fromEntries(names.map((name) => [name, { postgres: {} }])),
  };
  writeFileSync(join(folder, 'config/base.yaml'), JSON.stringify(base, undefined, 1));
  writeFileSync(join(folder, 'config/prod.yaml'), '');
  writeFileSync(join(folder, 'helm.yaml'), JSON.stringify({ sources: names.map((name) => ({ name })) }));
}
