export interface TemplateContext {
  /** What `.DatabaseName` stands for, where the run has one database. */
  readonly databaseName?: string;
  /** Extensions of artifacts, without those of the compression. */
  readonly extensions: readonly string[];
}

/** A file-name template without the extension that the format brings itself: a template that ends in one does not get it twice. */
export function stemOf(template: string, extensions: readonly string[]): string {
  const packed = template.replace(/\.(gz|zst)$/, '');
  const extension = extensions.find((candidate) => packed.endsWith(candidate)) ?? '';
  return packed.slice(0, packed.length - extension.length);
}

/** What is wrong with a file-name template, as [message, hint]; nothing when it is good. */
export function templateMistake(template: string, { databaseName, extensions }: TemplateContext): readonly [string, string] | undefined {
  const uses = [...stemOf(template, extensions).matchAll(/\{\{\s*([^}]*?)\s*\}\}/g)].map((match) => match[1] ?? '');
  const unknown = uses.find((name) => !['.Timestamp', '.RunID', '.DatabaseName'].includes(name));
  if (unknown !== undefined) return [`the template knows no '${unknown}'`, 'it knows .Timestamp, .RunID and .DatabaseName'];
  for (const name of ['.Timestamp', '.RunID']) {
    const count = uses.filter((use) => use === name).length;
    if (count !== 1)
      return [`the template holds {{ ${name} }} ${count} times`, "hold it once: '{{ .Timestamp }}-{{ .RunID }}' is never the same twice"];
  }
  if (uses.includes('.DatabaseName') && databaseName === undefined) {
    return ['the template holds .DatabaseName, but the run has no single database', 'leave it out: parts are named in the files'];
  }
  return renderedMistake(stemOf(template, extensions), databaseName ?? '');
}

function renderedMistake(stem: string, databaseName: string): readonly [string, string] | undefined {
  const others = stem.replace(/\{\{[^}]*\}\}/g, '') + (stem.includes('.DatabaseName') ? databaseName : '');
  if (!/^[A-Za-z0-9_-]*$/.test(others)) {
    return ['a name of files may hold letters, digits, dashes and underscores only', `the rest of the template is '${others}'`];
  }
  if (others.length > 100) return [`the name is ${others.length} characters long beside time and run id`, 'at most 100 fit'];
  // '.' cannot be in the text, so these stand for what is filled in.
  const rest = stem
    .replace(/\{\{\s*\.DatabaseName\s*\}\}/g, databaseName)
    .replace(/\{\{\s*\.Timestamp\s*\}\}/g, '.time.')
    .replace(/\{\{\s*\.RunID\s*\}\}/g, '.id.');
  if (/\d{8}-\d{6}/.test(rest))
    return ['the template holds something that reads like a time', 'age is read from the name: leave only {{ .Timestamp }}'];
  if (/[A-Za-z0-9.]\.(time|id)\.|\.(time|id)\.[A-Za-z0-9.]/.test(rest)) {
    return ['{{ .Timestamp }} and {{ .RunID }} stand against other text', "set a dash between: 'shop-{{ .Timestamp }}-{{ .RunID }}'"];
  }
  return undefined;
}
