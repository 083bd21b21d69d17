import { Construct } from 'constructs';
import { readingOf, type Values } from '../config/define.ts';
import type { ReadValues } from '../config/read.ts';
import { loadValues } from '../model/load.ts';
import { layout } from './layout.ts';

export interface BackupsProps {
  /** Name of the environment, such as `prod`: it is the folder of its backups in each storage. */
  readonly environment: string;

  /** What to back up, when and to where: written in the program, or read from a folder. */
  readonly values: Values | ReadValues;
}

/**
 * All objects of one environment in a chart of yours.
 *
 * Throws a `ConfigError` with every mistake in the values. What `backstay synth` puts under `keep/` carries the
 * annotations that keep clean-ups away from it, wherever your chart puts it.
 */
export class Backups extends Construct {
  /** What was noticed and lets the synthesis go on: one text each, with its HINT. */
  readonly warnings: readonly string[];

  constructor(scope: Construct, id: string, { environment, values }: BackupsProps) {
    super(scope, id);
    const { values: read, errors } = readingOf(environment, values);
    const { model } = loadValues(read, errors);
    for (const { path, build } of layout(model)) build(new Construct(this, path));
    this.warnings = model.warnings;
  }
}
