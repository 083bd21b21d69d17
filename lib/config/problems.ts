import type * as z from 'zod';
import type { Problem } from '../errors.ts';
import type { Finding } from '../findings.ts';
import { problemsOf } from './check.ts';
import { type Path, type PlaceOf, printPath } from './places.ts';
import { follows, isRefusedIn, type Refusals, refusalsOf } from './refused.ts';
import { shown } from './secrecy.ts';

/** Collects mistakes and warnings while settings are made of values, each with the place that it was written at. */
export class Problems {
  readonly mistakes: Problem[] = [];
  readonly warnings: Problem[] = [];
  private readonly refused: Refusals;

  /**
   * @param refused - what was refused as written: nobody is told twice of it, nor of what only follows from it
   */
  constructor(
    private readonly place: PlaceOf,
    refused: readonly Path[] = [],
  ) {
    this.refused = refusalsOf(refused);
  }

  /** A mistake of its own. */
  add(path: Path, message: string, hint: string, value?: unknown): void {
    if (follows(path, this.refused)) return;
    this.mistakes.push({ path: printPath(path), message, hint, value: shown(path, value), place: this.place(path) });
  }

  warn(path: Path, message: string, hint: string): void {
    if (follows(path, this.refused)) return;
    this.warnings.push({ path: printPath(path), message, hint, place: this.place(path) });
  }

  /** Whether something directly in an object was refused as written, so that what is missing there need not be missed. */
  isRefusedIn(path: Path): boolean {
    return isRefusedIn(path, this.refused);
  }

  /** What a kind found, with its paths taken to where they were written. */
  addFindings(findings: readonly Finding[], origin: (path: Path) => Path): void {
    for (const { path, message, hint, severity } of findings) {
      if (this.isRefusedIn(origin(path))) continue;
      if (severity === 'warning') this.warn(origin(path), message, hint);
      else this.add(origin(path), message, hint);
    }
  }

  /**
   * Reads settings by their schema; nothing when they are wrong, and then all that is wrong is noted.
   *
   * @param origin - path in the values of a path of the tree
   * @param everywhere - all paths in the values where it could have been written; default: its origin
   */
  parse<Schema extends z.ZodType>(
    schema: Schema,
    tree: unknown,
    { origin, everywhere = (path) => [origin(path)] }: Origins,
  ): z.output<Schema> | undefined {
    const checked = schema.safeParse(tree, { reportInput: true });
    if (checked.success) return checked.data;
    const issues = checked.error.issues
      .filter(({ path }) => !everywhere(path as Path).some((written) => follows(written, this.refused)))
      .map((issue) => ({ ...issue, path: [...origin(issue.path as Path)] }));
    this.mistakes.push(...problemsOf(issues, [], this.place));
    return undefined;
  }
}

interface Origins {
  origin(path: Path): Path;
  everywhere?(path: Path): readonly Path[];
}
