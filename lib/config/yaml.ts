import { constructFromEvents, parseEvents, YAMLException } from 'js-yaml';
import type { Diagnostic } from '../diagnostics.ts';
import type { Written } from './merge.ts';
import { isTree } from './places.ts';
import { marksOf } from './yaml-marks.ts';

/** What one file holds, or what is wrong with it. */
export interface Parsed {
  /** @default - not valid; `problems` says why */
  readonly written?: Written;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the text of one file: one document of keys and values, of which each knows its line. An empty one holds nothing. */
export function parseYaml(text: string, file: string): Parsed {
  try {
    const events = parseEvents(text, { filename: file });
    const { mark, diagnostics } = marksOf(events, text, file);
    if (diagnostics.length > 0) return { diagnostics };
    const [tree = {}] = constructFromEvents(events, { source: text, filename: file }).map((document) => document ?? {});
    if (!isTree(tree)) return { diagnostics: [notKeys(file, mark.line)] };
    return { written: { tree, mark }, diagnostics };
  } catch (error) {
    return { diagnostics: [syntaxDiagnostic(error, file)] };
  }
}

function notKeys(file: string, line: number): Diagnostic {
  return {
    path: '',
    message: 'expected a mapping of keys to values',
    hint: 'start with `namespace: backup`; docs/values.md lists every key',
    place: { file, line },
  };
}

/** js-yaml's own words where they quote nothing of the file, which may be a secret. */
function syntaxDiagnostic(error: unknown, file: string): Diagnostic {
  const reason = error instanceof YAMLException ? error.reason : 'it cannot be read';
  const line = error instanceof YAMLException && error.mark ? error.mark.line + 1 : 1;
  const quotes = /["<]|: /.test(reason);
  const message = quotes ? 'invalid YAML: unknown tag or alias' : `invalid YAML: ${reason}`;
  return { path: '', message, hint: hintFor(reason, quotes), place: { file, line } };
}

function hintFor(reason: string, quotes: boolean): string {
  if (quotes) return 'quote text that starts with ! or *';
  if (reason.includes('tab')) return 'indent with spaces';
  if (reason.includes('quoted') || reason.includes('flow collection') || reason.includes('deficient'))
    return 'close the quote, bracket or brace that is opened before this';
  if (reason.includes('duplicated')) return 'remove one of them';
  return 'check indentation, quotes and brackets on this line and the one before';
}
