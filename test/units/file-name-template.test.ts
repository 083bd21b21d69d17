import { expect, test } from 'vitest';
import { stemOf, templateMistake } from '../../lib/units/file-name-template.ts';

test.each([
  '{{ .Timestamp }}-{{ .RunID }}',
  '{{.Timestamp}}-{{.RunID}}',
  'shop_{{ .RunID }}_{{ .Timestamp }}',
  '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}.sql.gz',
])('%s is a good template', (template) => {
  expect(templateMistake(template, { databaseName: 'orders_db' })).toBeUndefined();
});

test.each([
  ['backup', 'the template holds {{ .Timestamp }} 0 times'],
  ['{{ .Timestamp }}', 'the template holds {{ .RunID }} 0 times'],
  ['{{ .Timestamp }}-{{ .RunID }}-{{ .RunID }}', 'the template holds {{ .RunID }} 2 times'],
  ['{{ .Timestamp }}-{{ .RunID }}-{{ .Host }}', "the template knows no '.Host'"],
  ['{{ .Timestamp }}{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} stand against other text'],
  ['1{{ .Timestamp }}-{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} stand against other text'],
  ['20260101-000000-{{ .Timestamp }}-{{ .RunID }}', 'the template holds something that reads like a time'],
  ['../{{ .Timestamp }}-{{ .RunID }}', 'a name of files may hold letters, digits, dashes and underscores only'],
  ['a b {{ .Timestamp }}-{{ .RunID }}', 'a name of files may hold letters, digits, dashes and underscores only'],
  ['{{ .Timestamp }}-{{ .RunID }}+globals', 'a name of files may hold letters, digits, dashes and underscores only'],
  [`${'x'.repeat(101)}-{{ .Timestamp }}-{{ .RunID }}`, 'the name is 103 characters long beside time and run id'],
])('%s is refused: %s', (template, mistake) => {
  expect(templateMistake(template, {})?.[0]).toBe(mistake);
});

test('a database whose name no file can have is refused in a template', () => {
  expect(templateMistake('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', { databaseName: 'my shop' })?.[1]).toBe(
    "the rest of the template is '--my shop'",
  );
});

test('.DatabaseName needs a run of one database', () => {
  expect(templateMistake('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', {})?.[0]).toBe(
    'the template holds .DatabaseName, but the run has no single database',
  );
});

test('the extension that a format brings itself is not doubled', () => {
  expect(['a.sql.gz', 'a.dump', 'a.tar.zst', 'a.sql', 'a'].map(stemOf)).toEqual(['a', 'a', 'a', 'a', 'a']);
});
