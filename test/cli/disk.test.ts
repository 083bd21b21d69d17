import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disk } from '../../lib/cli/disk.ts';
import { projectFolder } from '../support/project-folder.ts';

describe('a staged folder', () => {
  test('is invisible until it is swapped in, and then complete', () => {
    const { dir, read } = projectFolder({ 'dist/prod/jobs/a.yaml': 'old a', 'dist/prod/jobs/b.yaml': 'old b' });
    const stage = disk.stage(join(dir, 'dist/prod'));
    stage.write('jobs/a.yaml', 'new a');
    stage.keep('jobs/b.yaml');
    stage.write('keep/deep/er/c.yaml', 'new c');
    expect(readdirSync(join(dir, 'dist/prod/jobs'))).toEqual(['a.yaml', 'b.yaml']);
    disk.swapIn([stage]);
    expect(read()).toEqual({ 'dist/prod/jobs/a.yaml': 'new a', 'dist/prod/jobs/b.yaml': 'old b', 'dist/prod/keep/deep/er/c.yaml': 'new c' });
  });

  test('leaves nothing when it is discarded', () => {
    const { dir, read } = projectFolder({ 'dist/prod/a.yaml': 'old' });
    const stage = disk.stage(join(dir, 'dist/prod'));
    stage.write('a.yaml', 'new');
    stage.discard();
    expect(read()).toEqual({ 'dist/prod/a.yaml': 'old' });
    expect(readdirSync(join(dir, 'dist'))).toEqual(['prod']);
  });

  test('can be swapped in where no folder was', () => {
    const { dir, read } = projectFolder({});
    const stage = disk.stage(join(dir, 'deep/dist/prod'));
    stage.write('a.yaml', 'new');
    disk.swapIn([stage]);
    expect(read()).toEqual({ 'deep/dist/prod/a.yaml': 'new' });
  });

  test('of two processes at once is complete, and the later one wins', () => {
    const { dir, read } = projectFolder({ 'dist/prod/a.yaml': 'old' });
    const [one, other] = [disk.stage(join(dir, 'dist/prod')), disk.stage(join(dir, 'dist/prod'))];
    one.write('a.yaml', 'one');
    other.write('a.yaml', 'other');
    other.write('b.yaml', 'other');
    disk.swapIn([one]);
    // The first one swept everything beside the folder, including the stage of the other, which fails and changes nothing.
    expect(() => disk.swapIn([other])).toThrow('ENOENT');
    expect(read()).toEqual({ 'dist/prod/a.yaml': 'one' });
  });

  test('is swapped out again when the swap of another one fails, even if no folder was there before', () => {
    const { dir, read } = projectFolder({ 'dist/prod/a.yaml': 'old' });
    const stages = ['dev', 'prod', 'staging'].map((name) => disk.stage(join(dir, 'dist', name)));
    for (const stage of stages.slice(0, 2)) stage.write('a.yaml', 'new');
    stages[2]?.discard();
    expect(() => disk.swapIn(stages)).toThrow('ENOENT');
    expect(read()).toEqual({ 'dist/prod/a.yaml': 'old' });
    expect(readdirSync(join(dir, 'dist'))).toEqual(['prod']);
  });
});

describe('new files', () => {
  test('are all created, or none of them', () => {
    const { dir, read } = projectFolder({ 'b/there': 'mine' });
    const files = new Map([
      [join(dir, 'a'), 'a'],
      [join(dir, 'b/there'), 'b'],
    ]);
    expect(() => disk.createFiles(files)).toThrow('EEXIST');
    expect(read()).toEqual({ 'b/there': 'mine' });
  });

  test('replace an existing file atomically', () => {
    const { dir, read } = projectFolder({ a: 'old' });
    disk.replaceFile(join(dir, 'a'), 'new');
    expect(read()).toEqual({ a: 'new' });
    expect(existsSync(join(dir, '.a.new'))).toBe(false);
  });
});
