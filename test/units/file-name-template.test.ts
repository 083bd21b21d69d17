import { expect, test } from 'vitest';
import { diagnoseTemplate, stemOf } from '../../lib/units/file-name-template.ts';

const extensions = ['.dump', '.sql', '.tar'];

test.each([
  '{{ .Timestamp }}-{{ .RunID }}',
  '{{.Timestamp}}-{{.RunID}}',
  'shop_{{ .RunID }}_{{ .Timestamp }}',
  '{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}.sql.gz',
])('accepts the template %s', (template) => {
  expect(diagnoseTemplate(template, { databaseName: 'orders_db', extensions })).toBeUndefined();
});

test.each([
  ['backup', 'the template has {{ .Timestamp }} 0 times, expected once'],
  ['{{ .Timestamp }}', 'the template has {{ .RunID }} 0 times, expected once'],
  ['{{ .Timestamp }}-{{ .RunID }}-{{ .RunID }}', 'the template has {{ .RunID }} 2 times, expected once'],
  ['{{ .Timestamp }}-{{ .RunID }}-{{ .Host }}', "unknown template variable '.Host'"],
  ['{{ .Timestamp }}{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} need a separator'],
  ['1{{ .Timestamp }}-{{ .RunID }}', '{{ .Timestamp }} and {{ .RunID }} need a separator'],
  ['20260101-000000-{{ .Timestamp }}-{{ .RunID }}', 'the template contains text that looks like a timestamp'],
  ['../{{ .Timestamp }}-{{ .RunID }}', 'file names may contain only letters, digits, dashes and underscores'],
  ['a b {{ .Timestamp }}-{{ .RunID }}', 'file names may contain only letters, digits, dashes and underscores'],
  ['{{ .Timestamp }}-{{ .RunID }}+globals', 'file names may contain only letters, digits, dashes and underscores'],
  [`${'x'.repeat(101)}-{{ .Timestamp }}-{{ .RunID }}`, 'the file name has 103 characters besides timestamp and run id'],
])('rejects %s: %s', (template, message) => {
  expect(diagnoseTemplate(template, { extensions })?.[0]).toBe(message);
});

test('rejects a database name that is not valid in file names', () => {
  expect(diagnoseTemplate('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', { databaseName: 'my shop', extensions })?.[1]).toBe(
    "the rest of the template is '--my shop'",
  );
});

test('.DatabaseName needs a run of one database', () => {
  expect(diagnoseTemplate('{{ .DatabaseName }}-{{ .Timestamp }}-{{ .RunID }}', { extensions })?.[0]).toBe(
    'the template has .DatabaseName, but the run has several databases or none',
  );
});

test('the extension of a format is not doubled', () => {
  expect(['a.sql.gz', 'a.dump', 'a.tar.zst', 'a.sql', 'a'].map((template) => stemOf(template, extensions))).toEqual(['a', 'a', 'a', 'a', 'a']);
});
