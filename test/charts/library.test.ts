import { App, Chart } from 'cdk8s';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { Backups } from '../../lib/charts/backups.ts';
import { defineValues, type Values } from '../../lib/config/define.ts';
import { readValues } from '../../lib/config/read.ts';
import { synthesize } from '../../lib/index.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const values = load(VALUES) as Values;

function kindsOf(environment: string, given: Values): readonly string[] {
  const chart = new Chart(new App(), 'mine');
  new Backups(chart, 'backups', { environment, values: given });
  return chart.toJson().map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

test('the construct Backups adds every object that synth writes', () => {
  const written = [...synthesize({ environment: 'prod', values }).values()].join('').match(/^kind: (?!Kustomization).*$/gm);
  expect(kindsOf('prod', values)).toHaveLength(written?.length ?? 0);
  expect(kindsOf('prod', values)).toContain('CronJob/backup-shop-daily');
});

test('values from a program and values from files give the same bytes', () => {
  const { dir } = projectFolder();
  const read = readValues(`${dir}/config`, 'prod');
  expect(synthesize({ environment: 'prod', values: defineValues(values) })).toEqual(synthesize({ environment: 'prod', values: read }));
});

test('exposes warnings', () => {
  const alone = { ...values, plans: { default: { ...values.plans?.default, storages: ['local'] } } };
  expect(new Backups(new Chart(new App(), 'c'), 'b', { environment: 'prod', values: alone }).warnings.join()).toContain(
    'production has a single storage',
  );
});
