export interface TemplateContext {
  /** Value of `.DatabaseName`. @default - the run has several databases, or none */
  readonly databaseName?: string;
  /** Extensions of artifacts, without those of the compression. */
  readonly extensions: readonly string[];
}

/** A file-name template without the extension of the format, which is added later. Otherwise it would occur twice. */
export function stemOf(template: string, extensions: readonly string[]): string {
  const packed = template.replace(/\.(gz|zst)$/, '');
  const extension = extensions.find((candidate) => packed.endsWith(candidate)) ?? '';
  return packed.slice(0, packed.length - extension.length);
}

/** Checks a file-name template. Returns [message, hint], or nothing if it is valid. */
export function diagnoseTemplate(template: string, { databaseName, extensions }: TemplateContext): readonly [string, string] | undefined {
  const uses = [...stemOf(template, extensions).matchAll(/\{\{\s*([^}]*?)\s*\}\}/g)].map((match) => match[1] ?? '');
  const unknown = uses.find((name) => !['.Timestamp', '.RunID', '.DatabaseName'].includes(name));
  if (unknown !== undefined) return [`unknown template variable '${unknown}'`, 'use .Timestamp, .RunID and .DatabaseName'];
  for (const name of ['.Timestamp', '.RunID']) {
    const count = uses.filter((use) => use === name).length;
    if (count !== 1)
      return [`the template has {{ ${name} }} ${count} times, expected once`, "use it once: '{{ .Timestamp }}-{{ .RunID }}' is always unique"];
  }
  if (uses.includes('.DatabaseName') && databaseName === undefined) {
    return ['the template has .DatabaseName, but the run has several databases or none', 'remove it: file names already contain the part'];
  }
  return diagnoseStem(stemOf(template, extensions), databaseName ?? '');
}

function diagnoseStem(stem: string, databaseName: string): readonly [string, string] | undefined {
  const others = stem.replace(/\{\{[^}]*\}\}/g, '') + (stem.includes('.DatabaseName') ? databaseName : '');
  if (!/^[A-Za-z0-9_-]*$/.test(others)) {
    return ['file names may contain only letters, digits, dashes and underscores', `the rest of the template is '${others}'`];
  }
  if (others.length > 100) return [`the file name has ${others.length} characters besides timestamp and run id`, 'shorten it to at most 100'];
  // The text cannot contain '.', so these placeholders are unambiguous.
  const rest = stem
    .replace(/\{\{\s*\.DatabaseName\s*\}\}/g, databaseName)
    .replace(/\{\{\s*\.Timestamp\s*\}\}/g, '.time.')
    .replace(/\{\{\s*\.RunID\s*\}\}/g, '.id.');
  if (/\d{8}-\d{6}/.test(rest))
    return ['the template contains text that looks like a timestamp', 'remove it: retention reads the age of a backup from its name'];
  if (/[A-Za-z0-9.]\.(time|id)\.|\.(time|id)\.[A-Za-z0-9.]/.test(rest)) {
    return ['{{ .Timestamp }} and {{ .RunID }} need a separator', "separate them with dashes: 'shop-{{ .Timestamp }}-{{ .RunID }}'"];
  }
  return undefined;
}
