import type * as z from 'zod';
import type { Diagnostic, RelativeDiagnostic } from '../diagnostics.ts';
import { follows, hasInvalid, type InvalidPaths, invalidPathsOf } from './invalid-paths.ts';
import { diagnosticsOf } from './issue-diagnostics.ts';
import { type Path, type PlaceOf, printPath } from './places.ts';
import { shown } from './secrecy.ts';

/** Collects errors and warnings while values become settings, each with the place where it was written. */
export class Diagnostics {
  readonly errors: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  private readonly invalid: InvalidPaths;

  /**
   * @param invalid - paths that were rejected as written: they are not reported twice, nor is what only follows from them
   */
  constructor(
    private readonly place: PlaceOf,
    invalid: readonly Path[] = [],
  ) {
    this.invalid = invalidPathsOf(invalid);
  }

  /** Adds an error, unless it only follows from an invalid path. */
  add(path: Path, message: string, hint: string, value?: unknown): void {
    if (follows(path, this.invalid)) return;
    this.errors.push({ path: printPath(path), message, hint, value: shown(path, value), place: this.place(path) });
  }

  warn(path: Path, message: string, hint: string): void {
    if (follows(path, this.invalid)) return;
    this.warnings.push({ path: printPath(path), message, hint, place: this.place(path) });
  }

  /** Whether anything directly in an object was rejected as written: what is missing there is then not worth an error. */
  hasInvalid(path: Path): boolean {
    return hasInvalid(path, this.invalid);
  }

  /** Adds what a kind's check returned, at the paths where it was written. */
  addRelative(diagnostics: readonly RelativeDiagnostic[], origin: (path: Path) => Path): void {
    for (const { path, message, hint, severity, value } of diagnostics) {
      if (this.hasInvalid(origin(path))) continue;
      if (severity === 'warning') this.warn(origin(path), message, hint);
      else this.add(origin(path), message, hint, value);
    }
  }

  /**
   * Parses settings by their schema. Returns nothing when they are invalid, and adds every error.
   *
   * @param origin - maps a path of the tree to its path in the values
   * @param everywhere - maps it to every path where the value could have been written; default: its origin
   */
  parse<Schema extends z.ZodType>(
    schema: Schema,
    tree: unknown,
    { origin, everywhere = (path) => [origin(path)] }: Origins,
  ): z.output<Schema> | undefined {
    const checked = schema.safeParse(tree, { reportInput: true });
    if (checked.success) return checked.data;
    const issues = checked.error.issues
      .filter(({ path }) => !everywhere(path as Path).some((written) => follows(written, this.invalid)))
      .map((issue) => ({ ...issue, path: [...origin(issue.path as Path)] }));
    this.errors.push(...diagnosticsOf(issues, [], this.place));
    return undefined;
  }
}

interface Origins {
  origin(path: Path): Path;
  everywhere?(path: Path): readonly Path[];
}
