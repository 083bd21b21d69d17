import { describe, expect, test } from 'vitest';
import { synthesize } from '../../lib/charts/synthesize.ts';
import { toYaml } from '../../lib/charts/writer.ts';
import { KUBERNETES, schemaErrors } from '../support/kubeconform.ts';
import { aModel, aRun, aSource } from '../support/model.ts';
import { everyModel, objectsByHand } from '../support/synthesized.ts';

describe.each(KUBERNETES)('Kubernetes %s', (version) => {
  test.each(everyModel())('accepts every object of %s and knows every field', (_, model) => {
    const files = [...synthesize(model, '0.0.0')].filter(([path]) => !path.endsWith('/kustomization.yaml'));
    expect(schemaErrors(version, files)).toEqual([]);
  });

  test.each(everyModel())('accepts every object that the command line creates for %s', (_, model) => {
    const files = objectsByHand(model).map(({ object }, number) => [`${number}.yaml`, toYaml([object as never], 'by hand')] as const);
    expect(schemaErrors(version, files)).toEqual([]);
  });

  test('rejects a misspelled field, even in parts that are passed on as written', () => {
    const misspelt = aModel([aSource([aRun({ pod: { affinity: { nodeAfinity: {} }, tolerations: [{ keyy: 'x' }] } })])]);
    expect(schemaErrors(version, synthesize(misspelt, '0.0.0')).join()).toMatch(/CronJob backup-shop-daily.*nodeAfinity/s);
  });
});
