/** Which of many names somebody may have meant by another one. Pure. */

/** Names that differ in more letters than this are not alike. */
const mostEdits = 2;

/** @returns those of `names` that differ from `name` by case, by a domain, or by two letters at most; closest first */
export function closeNames(name: string, names: readonly string[]): string[] {
  const wanted = name.toLowerCase();
  return names
    .map(each => ({ each, edits: distance(wanted, each.toLowerCase()) }))
    .filter(({ edits }) => edits <= mostEdits)
    .toSorted((left, right) => left.edits - right.edits)
    .map(({ each }) => each);
}

/** In letters; a domain counts as one. */
function distance(left: string, right: string): number {
  if (left.startsWith(`${right}.`) || right.startsWith(`${left}.`)) return 1;
  return edits(left, right);
}

/** The Levenshtein distance, row by row. */
function edits(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let at = 0; at < left.length; at++) {
    const next = [at + 1];
    for (let to = 0; to < right.length; to++) {
      const replaced = (row[to] ?? 0) + (left[at] === right[to] ? 0 : 1);
      next.push(Math.min(replaced, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
