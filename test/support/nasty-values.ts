import fc from 'fast-check';
import type { Fields, Json } from '../../lib/charts/writer.ts';

/** Texts that some parser reads as another type or as the end of a value. */
export const NASTY = [
  '0o17', '017', '0x1f', '0b1', '1e3', '1_000', '12:30', '12:30:45', '1.', '.5', '-1', '+1', '.inf', '-.Inf', '.nan', 'NaN', 'inf', 'Infinity',
  'yes', 'no', 'on', 'off', 'y', 'n', 'Y', 'N', 'Yes', 'OFF', 'true', 'TRUE', 'False', 'null', 'NULL', 'Null', '~', '=', '<<', '', ' ', '  ', '\t',
  '2026-11-21', '2026-11-21T09:30:00Z', '20261121', '-', '--', '---', '...', '- a', '? a', ': a', 'a: b', 'a:b', 'a #b', '#a', '!a', '&a', '*a', '|', '>',
  '%a', '@a', '`a', '"', "'", '"a"', "'a'", '{a}', '[a]', '{', '}', ',', 'a,b', '\\', '\\n', 'a\\', ' a', 'a ', '\ta', 'a\t', 'a\tb',
  '\n', '\n\n', 'a\n', 'a\n\n', '\na', '\n\na', 'a\nb', 'a\n\nb\n', ' a\nb', '\ta\nb', '\n\ta\nb', '\n a', 'a\n\tb', 'a\n b\n', 'a \nb ', 'a\n \nb', 'a\n\t\nb',
  '\t\na', ' \na', 'a\n---\nb', '---\na', 'a\n...\n', '# a\nb', 'a\r\nb', 'a\rb', '\r', 'a\u0085b', 'a\u2028b\nc', 'a\u00a0b\nc', '\uFEFFa\nb', 'a\nb\uFEFF',
  '\u0000', 'a\u0007b', '\u007f', '😀', 'é', 'a😀\nb\t😀', '\ufffe', '日本\n語', '${HOME}', '$(PW)', '$$', '{{ .RunID }}', '%', '0 2 * * *', '*/5 * * * *',
  '1Gi', '500m', '0', '1', '00', 'e3', 'E1', '1e', '0.0.0.0/0', '::/0', '/', '//', 'a/b.c-d_e', 'a.b', '.a', '_a', '/0', 'A',
] as const; // biome-ignore format: one line a family

const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\t', '\n', '-', ':', '#', '|', '1', "'", '"', '.', 'é', '😀', '\r', '\\', '\u2028'), maxLength: 14 }),
);
/** Any value, with texts that parsers easily misread. */
export const json = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('json'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).json;
/** A document of any content. */
export const documents: fc.Arbitrary<Fields> = json.map((value) => ({ value }));
