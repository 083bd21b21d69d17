import type * as z from 'zod';
import { defaultOf } from './derive.ts';
import { type DocumentedObject, documentedObjects } from './documented-objects.ts';
import { optionShape } from './schema/options.ts';
import { values } from './schema/values.ts';
import { type Inner, metaOf } from './schema-at.ts';
import { typeText } from './type-text.ts';

type Schema = z.core.$ZodType;

const INTRODUCTION = `# Values

Every key of \`config/base.yaml\` and \`config/<environment>.yaml\`. Generated from the schema that checks them; the schema is
also in \`schema/\`, for editors.

- Every file next to \`base.yaml\` is an environment, even an empty one. It is merged over the base: objects merge; lists, \`keep\`,
  and a changed kind (\`s3\` over \`pvc\`, \`workloadIdentity\` over \`secret\`) are replaced as a whole; \`null\` removes a key of the base.
- A key without a value is an error: write \`{}\` to use every default, or \`null\` to remove the key.
- The most specific wins: a source's tier, source, plan's tier, plan, \`defaults\`, the defaults below.
- A duration is \`90s\`, \`30m\`, \`6h\` or \`7d\`. A size is \`512Mi\`, \`20Gi\` or \`1Ti\`, powers of 1024. A name is a
  Kubernetes name: lowercase letters, digits and dashes.
- Secrets are referenced by name, never written.
- **required** keys must be set somewhere: in either file, in \`defaults\` or in the source itself.`;

const OPTIONS_TEXT = 'Options of a run, at every level. The most specific level wins.';

/** `docs/values.md`: a table for each object of the values. */
export function valuesReference(): string {
  const objects = documentedObjects(values);
  const link = (schema: Schema) => linkTo(objects.get(schema)?.title ?? '');
  const sections = [...objects.values()].map((object) => section(object, link));
  const options = ['## Options', OPTIONS_TEXT, table(optionShape, link)].join('\n\n');
  return `${[INTRODUCTION, ...sections, options, refused(objects)].join('\n\n')}\n`;
}

function section({ title, parents, description, shape }: DocumentedObject, link: (schema: Schema) => string): string {
  const hasOptions = holdsOptions(shape);
  const own = hasOptions ? Object.fromEntries(Object.entries(shape).filter(([key]) => !Object.hasOwn(optionShape, key))) : shape;
  return [
    title === '' ? '## The top level' : `## ${heading(title)}`,
    ...(description === undefined ? [] : [description.split(/ ?\bDefault: /)[0] ?? '']),
    ...(parents.size > 1 ? [`Used in ${[...parents].map(link).join(', ')}.`] : []),
    table(own, link),
    ...(hasOptions ? ['And every key of [the options](#options).'] : []),
  ].join('\n\n');
}

function holdsOptions(shape: DocumentedObject['shape']): boolean {
  return Object.entries(optionShape).every(([key, schema]) => shape[key] === schema);
}

function heading(title: string): string {
  return `\`${title}\``;
}

/** The anchor that GitHub generates for a heading. */
function linkTo(title: string): string {
  if (title === '') return '[the top level](#the-top-level)';
  const anchor = title.toLowerCase().replace(/[^a-z0-9_-]/g, '');
  return `[${heading(title)}](#${anchor})`;
}

function table(shape: Readonly<Record<string, Schema>>, link: (schema: Schema) => string): string {
  const rows = Object.entries(shape)
    .filter(([, schema]) => metaOf(schema).notYet === undefined)
    .map(([key, schema]) => [`\`${key}\``, typeText(schema, link), ...defaultAndDescription(schema)]);
  const lines = [['Key', 'Type', 'Default', 'Description'], ['---', '---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

/** A default that is behaviour, not a value, is at the end of the description. */
function defaultAndDescription(schema: Schema): readonly [string, string] {
  const { description = '', defaultText } = metaOf(schema);
  const [text = '', behaviour] = description.split(/ ?\bDefault: /);
  const value = defaultText ?? defaultOf(schema as Inner);
  if (value !== undefined) return [`\`${typeof value === 'string' ? value : JSON.stringify(value)}\``, text];
  return [behaviour?.replace(/\.$/, '') ?? (isRequired(schema) ? '**required**' : '–'), text];
}

function isRequired(schema: Schema): boolean {
  return schema._zod.optin === undefined;
}

function refused(objects: ReadonlyMap<Schema, DocumentedObject>): string {
  const rows = [...objects.values()].flatMap(({ title, shape }) =>
    Object.entries(shape).flatMap(([key, schema]) => {
      const { notYet } = metaOf(schema);
      return notYet === undefined ? [] : [`| \`${title === '' ? key : `${title}.${key}`}\` | ${notYet.replace(/,$/, '')} |`];
    }),
  );
  const text = 'Keys that this version does not support yet. They are rejected by name, so that nobody believes they work.';
  return ['## Not supported yet', text, ['| Key | What it is for |', '| --- | --- |', ...rows].join('\n')].join('\n\n');
}
