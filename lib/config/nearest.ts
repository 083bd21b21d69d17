/** A hint that suggests the closest name; nothing if none is close. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const allowed = written.length < 4 ? 1 : Math.ceil(written.length / 3);
  const lower = written.toLowerCase();
  let best: string | undefined;
  let least = allowed + 1;
  for (const name of names) {
    const edits = distance(lower, name.toLowerCase());
    if (edits < least) [best, least] = [name, edits];
  }
  return best === undefined ? undefined : `did you mean '${best}'?`;
}

/** Edit distance: letters inserted, deleted, replaced, or swapped with their neighbour. */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 20) return 20;
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let least = Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) least = Math.min(least, before[column - 2]! + 1);
      current.push(least);
    }
    [before, above] = [above, current];
  }
  return above[to.length]!;
}
