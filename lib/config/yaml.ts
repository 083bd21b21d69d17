import { constructFromEvents, parseEvents, YAMLException } from 'js-yaml';
import type { Diagnostic } from '../diagnostics.ts';
import type { Written } from './merge.ts';
import { isTree } from './places.ts';
import { marksOf } from './yaml-marks.ts';

/** The content of one file, or its errors. */
export interface Parsed {
  /** @default - invalid; see `diagnostics` */
  readonly written?: Written;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses one file: a single document with a mapping. Each value knows its line. An empty file is an empty mapping. */
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

/** Uses js-yaml's message unless it quotes the file, which may contain a secret. */
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
