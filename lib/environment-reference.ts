import { type ScriptHeader, scriptHeader } from './script-headers.ts';
import { scriptFiles } from './scripts.ts';

const INTRODUCTION = `# The environment of the steps

<!-- generated from the headers of the scripts in scripts/: do not edit -->

Each step of a run is a container whose script gets its settings from environment variables only. A variable has the same
meaning in every script. You never set them yourself: backstay derives them from the values, and a test compares the
variables that it sets with this list. A list has one entry a line. Keys and passwords come from Secrets.
`;

/** The text of `docs/environment.md`: every variable of every script, from the headers of the scripts. */
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
