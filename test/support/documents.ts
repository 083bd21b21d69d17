import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A fenced block of a Markdown file. */
export interface Block {
  /** `docs/storages.md:12`. */
  readonly where: string;
  readonly language: string;
  readonly text: string;
}

/** Every Markdown file in Git, or new and not ignored. */
export function markdownFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { encoding: 'utf8' });
  return listed.split('\n').filter((file) => file !== '');
}

export function blocksIn(file: string): readonly Block[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language = '', 2: body = '' }) => ({
    where: `${file}:${text.slice(0, index).split('\n').length}`,
    language,
    text: body,
  }));
}
