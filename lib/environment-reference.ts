import { type ScriptHeader, scriptHeader } from './script-headers.ts';
import { scriptFiles } from './scripts.ts';

const INTRODUCTION = `# The environment of the steps

<!-- generated from the headers of the scripts in scripts/: do not edit -->

A step of a run is a container, and its script reads nothing but its environment. One name means one thing in all of them.
Nobody writes these by hand: backstay sets them from the values, and a test holds what it sets against this list.
A variable that stands for a list has one entry a line. The sources and storages that need a key or a password take it
from a Secret.
`;

/** `docs/environment.md`: every variable of every script, from the headers of the scripts themselves. */
export function environmentReference(): string {
  return [INTRODUCTION, ...scriptFiles().map(scriptHeader).filter(isContract).map(section)].join('\n');
}

function isContract({ variables }: ScriptHeader): boolean {
  return variables.length > 0;
}

function section({ file, summary, variables, reads }: ScriptHeader): string {
  const rows = variables.map(({ names, meaning }) => `| ${names.map((name) => `\`${name}\``).join('<br>')} | ${cell(meaning)} |`);
  const others = reads.map((name) => `\`${name}\``);
  const also = others.length > 0 ? [`It reads ${others.join(', ')} as well.`, ''] : [];
  return [`## ${file}`, '', sentence(summary), '', ...also, '| variable | meaning |', '| --- | --- |', ...rows, ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
