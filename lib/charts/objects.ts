import { ApiObject, App, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Fields } from './writer.ts';

/** Builds constructs in a separate chart and returns their plain objects in the order of creation. */
export function objectsOf(build: (scope: Construct) => void): readonly Fields[] {
  const chart = new Chart(new App(), 'objects');
  build(chart);
  return chart.node
    .findAll()
    .filter((node) => ApiObject.isApiObject(node))
    .map((node) => node.toJson() as Fields);
}
