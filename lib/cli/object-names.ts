/** One object of Kubernetes, by what names it in a cluster. */
export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A document's own kind, and the names in its metadata: our writer puts them first, each on a line of its own. */
const HEAD = /^kind: (\S+)\nmetadata:\n((?: {2}.*\n)*)/gm;

/**
 * The objects in a file that we have written.
 *
 * Not parsed: an upgrade changes the scripts' names in thousands of files, and what a broken file held cannot be known anyway.
 */
export function objectsIn(text: string): readonly ObjectName[] {
  return [...text.matchAll(HEAD)].flatMap(([, kind = '', metadata = '']) => {
    const name = field(metadata, NAME);
    return name === undefined ? [] : [{ kind, namespace: field(metadata, NAMESPACE) ?? '', name }];
  });
}

const NAME = /^ {2}name: '?([^'\n]+)'?$/m;
const NAMESPACE = /^ {2}namespace: '?([^'\n]+)'?$/m;

function field(metadata: string, pattern: RegExp): string | undefined {
  return pattern.exec(metadata)?.[1];
}

export function keyOf({ kind, namespace, name }: ObjectName): string {
  return `${kind}/${namespace}/${name}`;
}
