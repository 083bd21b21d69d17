import type * as z from 'zod';
import type { Place, Problem } from '../errors.ts';
import type { Finding } from '../findings.ts';
import { problemsOf } from './check.ts';
import { type Path, printPath } from './places.ts';

/** Collects mistakes and warnings while settings are made of values, each with the place that it was written at. */
export class Problems {
  readonly mistakes: Problem[] = [];
  readonly warnings: Problem[] = [];

  constructor(private readonly place: (path: Path) => Place | undefined) {}

  /** A mistake of its own. */
  add(path: Path, message: string, hint: string, value?: unknown): void {
    this.mistakes.push({ path: printPath(path), message, hint, value, place: this.place(path) });
  }

  warn(path: Path, message: string, hint: string): void {
    this.warnings.push({ path: printPath(path), message, hint, place: this.place(path) });
  }

  /** What a kind found, with its paths taken to where they were written. */
  addFindings(findings: readonly Finding[], origin: (path: Path) => Path): void {
    for (const { path, message, hint, severity } of findings) {
      if (severity === 'warning') this.warn(origin(path), message, hint);
      else this.add(origin(path), message, hint);
    }
  }

  /** Reads settings by their schema; nothing when they are wrong, and then all that is wrong is noted. */
  parse<Schema extends z.ZodType>(schema: Schema, tree: unknown, origin: (path: Path) => Path): z.output<Schema> | undefined {
    const checked = schema.safeParse(tree, { reportInput: true });
    if (checked.success) return checked.data;
    const issues = checked.error.issues.map((issue) => ({ ...issue, path: [...origin(issue.path as Path)] }));
    this.mistakes.push(...problemsOf(issues, [], this.place));
    return undefined;
  }
}
