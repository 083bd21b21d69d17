/** What identifies a Kubernetes object in a cluster. */
export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Kind and metadata of a document. Our writer puts them first, each on its own line. */
const HEAD = /^kind: (\S+)\nmetadata:\n((?: {2}.*\n)*)/gm;

/**
 * The objects in a file that backstay wrote.
 *
 * Matched instead of parsed, because an upgrade changes the scripts' names in thousands of files. The objects of a broken
 * file cannot be known anyway.
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
