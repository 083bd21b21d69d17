/**
 * Expands the value of a variable like the kubelet, given the variables before it.
 *
 * As in k8s.io/kubernetes/third_party/forked/golang/expansion: `$(NAME)` is replaced if the name exists, `$$` becomes `$`,
 * and any other `$` stays.
 */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  let expanded = '';
  for (let at = 0; at < text.length; at++) {
    const next = text[at + 1];
    if (text[at] !== '$' || next === undefined) expanded += text[at];
    else if (next === '$') {
      expanded += '$';
      at++;
    } else if (next === '(') {
      const end = text.indexOf(')', at);
      if (end < 0) {
        expanded += '$(';
        at++;
      } else {
        const name = text.slice(at + 2, end);
        expanded += known[name] ?? `$(${name})`;
        at = end;
      }
    } else expanded += '$';
  }
  return expanded;
}
