import { type Diagnostic, describeDiagnostic } from './diagnostics.ts';

/** Errors in what the user wrote, all at once. Printed without a stack trace; exit status 64. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(describeDiagnostic).join('\n'));
  }

  /** An error that is not in the values: a missing file, an unknown environment. */
  static of(path: string, message: string, hint?: string): ConfigError {
    return new ConfigError([{ path, message, hint }]);
  }
}
