import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';
import type { Diagnostic } from '../diagnostics.ts';
import { type Mark, type Path, printPath } from './places.ts';

/** Values that all aliases together may expand to: more is not a configuration, but an attack on memory. */
const MAX_ALIASED = 100_000;

/** The place of each value of a document, and errors for what YAML allows but values do not. */
export interface Marks {
  readonly mark: Mark;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the events of js-yaml, which have offsets but no paths or lines. */
export function marksOf(events: readonly Event[], text: string, file: string): Marks {
  const walk: Walk = { events, text, file, lineStarts: lineStartsOf(text), anchors: new Map(), diagnostics: [], next: 0, aliased: 0 };
  const documents: Node[] = [];
  while (walk.next < events.length) {
    walk.next += 1; // the document's own event; its content follows
    if (documents.length === 1) reject(walk, [], lineOf(walk, 1), 'a second document starts here', 'one file is one environment: remove the `---`');
    documents.push(peek(walk).type === EVENT_ID.POP ? leaf(walk, 1) : readNode(walk, [], 1));
    walk.next += 1; // its end
  }
  return { mark: documents[0]?.mark ?? { file, line: 1 }, diagnostics: walk.diagnostics };
}

interface Walk {
  readonly events: readonly Event[];
  readonly text: string;
  readonly file: string;
  readonly lineStarts: readonly number[];
  readonly anchors: Map<string, Node | 'open'>;
  readonly diagnostics: Diagnostic[];
  /** Index of the next event. */
  next: number;
  /** Values that aliases have expanded to so far. */
  aliased: number;
}

interface Node {
  readonly mark: Mark;
  /** Number of values in it, after expanding aliases. */
  readonly size: number;
}

function readNode(walk: Walk, path: Path, line: number): Node {
  const event = peek(walk);
  walk.next += 1;
  if (event.type === EVENT_ID.ALIAS) return readAlias(walk, path, line, walk.text.slice(event.anchorStart, event.anchorEnd));
  const anchor = 'anchorStart' in event && event.anchorStart >= 0 ? walk.text.slice(event.anchorStart, event.anchorEnd) : undefined;
  if (anchor !== undefined) walk.anchors.set(anchor, 'open');
  const node = readContent(walk, event, path, line);
  if (anchor !== undefined) walk.anchors.set(anchor, node);
  return node;
}

function readContent(walk: Walk, event: Event, path: Path, line: number): Node {
  if (event.type === EVENT_ID.MAPPING) return readPairs(walk, path, line);
  return event.type === EVENT_ID.SEQUENCE ? readItems(walk, path, line, lineAt(walk.lineStarts, event.start)) : leaf(walk, line);
}

function readAlias(walk: Walk, path: Path, line: number, name: string): Node {
  const anchor = walk.anchors.get(name);
  if (anchor === undefined) reject(walk, path, line, 'unknown alias', 'quote text that starts with *');
  if (anchor === 'open') reject(walk, path, line, 'this alias refers to itself', 'write out the value');
  if (anchor === undefined || anchor === 'open') return leaf(walk, line);
  const before = walk.aliased;
  walk.aliased += anchor.size;
  if (before <= MAX_ALIASED && walk.aliased > MAX_ALIASED)
    reject(walk, path, line, `aliases expand to more than ${MAX_ALIASED} values`, 'use `defaults` and `plans`');
  return { mark: { ...anchor.mark, line }, size: anchor.size };
}

function readItems(walk: Walk, path: Path, line: number, start: number): Node {
  let around = start;
  const inside = new Map<string, Mark>();
  let size = 1;
  while (peek(walk).type !== EVENT_ID.POP) {
    const at = [...path, inside.size];
    const itemLine = lineOf(walk, around);
    around = itemLine;
    rejectEmpty(walk, at, itemLine);
    const item = readNode(walk, at, itemLine);
    inside.set(String(inside.size), item.mark);
    size += item.size;
  }
  walk.next += 1;
  return { mark: { file: walk.file, line, inside }, size };
}

function readPairs(walk: Walk, path: Path, line: number): Node {
  const inside = new Map<string, Mark>();
  let size = 1;
  while (peek(walk).type !== EVENT_ID.POP) {
    const keyLine = lineOf(walk, line);
    const key = readKey(walk, path, keyLine);
    const at = [...path, key];
    const first = inside.get(key);
    if (first) reject(walk, at, keyLine, 'duplicate key', `remove one of them: the first is on line ${first.line}`);
    else rejectEmpty(walk, at, keyLine);
    const value = readNode(walk, at, keyLine);
    if (!first) inside.set(key, value.mark);
    size += value.size;
  }
  walk.next += 1;
  return { mark: { file: walk.file, line, inside }, size };
}

function readKey(walk: Walk, path: Path, line: number): string {
  const event = peek(walk);
  if (event.type !== EVENT_ID.SCALAR) {
    reject(walk, path, line, 'expected text as a key', 'quote text that starts with {, [ or *');
    readNode(walk, path, line);
    return '?';
  }
  readNode(walk, path, line);
  const key = getScalarValue(walk.text, event);
  if (key === '__proto__') reject(walk, path, line, "the key '__proto__' is not allowed", 'rename it');
  if (key === '<<' && event.style === SCALAR_STYLE.PLAIN)
    reject(walk, path, line, "'<<' does not merge in YAML 1.2", 'use `defaults` and `plans` to share values');
  return key;
}

const EMPTY_HINT = 'write {} to use every default; in the file of an environment, null removes the key';

/** In YAML an empty value is `null`, and `null` removes a key: too dangerous for a line that was left unfinished. */
function rejectEmpty(walk: Walk, path: Path, line: number): void {
  const event = peek(walk);
  if (event.type === EVENT_ID.SCALAR && isEmpty(event))
    reject(walk, path, line, 'empty value', typeof path.at(-1) === 'number' ? 'remove the dash' : EMPTY_HINT);
}

function isEmpty({ valueStart, tagStart, anchorStart }: ScalarEvent): boolean {
  return valueStart < 0 && tagStart < 0 && anchorStart < 0;
}

function reject(walk: Walk, path: Path, line: number, message: string, hint: string): void {
  walk.diagnostics.push({ path: printPath(path), message, hint, place: { file: walk.file, line } });
}

function leaf({ file }: Walk, line: number): Node {
  return { mark: { file, line }, size: 1 };
}

function peek({ events, next }: Walk): Event {
  return events[next] ?? { type: EVENT_ID.POP };
}

/** Line of the next event. An empty value has no offset, so it gets the line of the value around it. */
function lineOf({ events, next, lineStarts }: Walk, around: number): number {
  const event = events[next];
  if (!event) return around;
  const offsets = (['tagStart', 'anchorStart', 'valueStart', 'start'] as const).map(
    (name) => (event as Partial<Record<typeof name, number>>)[name] ?? -1,
  );
  const offset = Math.min(...offsets.filter((found) => found >= 0));
  return Number.isFinite(offset) ? lineAt(lineStarts, offset) : around;
}

function lineStartsOf(text: string): readonly number[] {
  return [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((found) => found.index + found[0].length)];
}

/** The line of an offset: the number of lines that start at or before it. */
function lineAt(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lineStarts[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
