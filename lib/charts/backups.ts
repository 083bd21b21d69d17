import { Construct } from 'constructs';
import { readingOf, type Values } from '../config/define.ts';
import type { ReadValues } from '../config/read.ts';
import { loadValues } from '../model/load.ts';
import { layout } from './layout.ts';

export interface BackupsProps {
  /** Name of the environment, such as `prod`, and of the folder of its backups in each storage. */
  readonly environment: string;

  /** The values: written in the program, or read from a folder. */
  readonly values: Values | ReadValues;
}

/**
 * Adds all objects of one environment to your chart.
 *
 * Throws a `ConfigError` with every error in the values. Objects that `backstay synth` writes to `keep/` carry
 * annotations that prevent Argo CD, Flux and Helm from deleting them, wherever your chart puts them.
 */
export class Backups extends Construct {
  /** Warnings and notes, each one text with its HINT. */
  readonly warnings: readonly string[];

  constructor(scope: Construct, id: string, { environment, values }: BackupsProps) {
    super(scope, id);
    const { values: read, errors } = readingOf(environment, values);
    const { model } = loadValues(read, errors);
    for (const { path, build } of layout(model)) build(new Construct(this, path));
    this.warnings = model.warnings;
  }
}
