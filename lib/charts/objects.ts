import { ApiObject, App, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Fields } from './writer.ts';

/** Plain objects of what a function builds: a chart of their own, in one walk, in the order of their making. */
export function objectsOf(build: (scope: Construct) => void): readonly Fields[] {
  const chart = new Chart(new App(), 'objects');
  build(chart);
  return chart.node
    .findAll()
    .filter((node) => ApiObject.isApiObject(node))
    .map((node) => node.toJson() as Fields);
}
