import { DEFAULT_SCALAR_STYLE_RULES, type DumpOptions, dump, SCALAR_STYLE, type ScalarStyleRule } from 'js-yaml';

/** Anything that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Not a line's end for every parser, or not seen by people. What YAML cannot hold at all, js-yaml keeps out by itself. */
const DOUBTFUL = /[\u0085\u00A0\u2028\u2029]/;

/**
 * A text of several lines stands as it is, tabs and all: people review the scripts in it.
 *
 * js-yaml's own rule writes a text with a tab in quotes, on one line.
 */
const literalLines: ScalarStyleRule = (layout) => {
  const { value } = layout.node;
  const allowed = (layout.allowedStylesMask & (1 << SCALAR_STYLE.LITERAL_BLOCK)) !== 0;
  if (allowed && !layout.isKey && value.includes('\n') && value.trim() !== '' && !DOUBTFUL.test(value)) layout.style = SCALAR_STYLE.LITERAL_BLOCK;
};

const OPTIONS: DumpOptions = {
  lineWidth: -1,
  noRefs: true,
  scalarStyleRules: [literalLines, ...Object.values(DEFAULT_SCALAR_STYLE_RULES)],
};

/** Documents as one YAML text, under comment lines. The same value gives the same text. */
export function toYaml(documents: readonly Json[], comment: string): string {
  const header = comment.replace(/^/gm, '# ');
  return `${header}\n${documents.map((document) => dump(document, OPTIONS)).join('---\n')}`;
}
