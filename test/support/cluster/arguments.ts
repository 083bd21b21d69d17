import { readdirSync, readFileSync } from 'node:fs';

/**
 * Records the arguments of all processes of this machine forty times a second until it is stopped. On the test bed this
 * includes the pods.
 */
export function watchArguments(): { readonly stop: () => ReadonlySet<string> } {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc')) if (/^\d/.test(pid)) seen.add(argumentsOf(pid));
  }, 25);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
