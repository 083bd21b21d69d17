import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disk } from '../../lib/cli/disk.ts';
import { projectFolder } from '../support/project-folder.ts';

describe('a staged folder', () => {
  test('is not seen until it is swapped in, and then it is whole', () => {
    const { dir, read } = projectFolder({ 'dist/prod/jobs/a.yaml': 'old a', 'dist/prod/jobs/b.yaml': 'old b' });
    const stage = disk.stage(join(dir, 'dist/prod'));
    stage.write('jobs/a.yaml', 'new a');
    stage.keep('jobs/b.yaml');
    stage.write('keep/deep/er/c.yaml', 'new c');
    expect(readdirSync(join(dir, 'dist/prod/jobs'))).toEqual(['a.yaml', 'b.yaml']);
    disk.swapIn([stage]);
    expect(read()).toEqual({ 'dist/prod/jobs/a.yaml': 'new a', 'dist/prod/jobs/b.yaml': 'old b', 'dist/prod/keep/deep/er/c.yaml': 'new c' });
  });

  test('that is thrown away leaves nothing', () => {
    const { dir, read } = projectFolder({ 'dist/prod/a.yaml': 'old' });
    const stage = disk.stage(join(dir, 'dist/prod'));
    stage.write('a.yaml', 'new');
    stage.discard();
    expect(read()).toEqual({ 'dist/prod/a.yaml': 'old' });
    expect(readdirSync(join(dir, 'dist'))).toEqual(['prod']);
  });

  test('takes the place of nothing, where nothing was', () => {
    const { dir, read } = projectFolder({});
    const stage = disk.stage(join(dir, 'deep/dist/prod'));
    stage.write('a.yaml', 'new');
    disk.swapIn([stage]);
    expect(read()).toEqual({ 'deep/dist/prod/a.yaml': 'new' });
  });

  test('two at once, in two processes: each is whole, and the later one stays', () => {
    const { dir, read } = projectFolder({ 'dist/prod/a.yaml': 'old' });
    const [one, other] = [disk.stage(join(dir, 'dist/prod')), disk.stage(join(dir, 'dist/prod'))];
    one.write('a.yaml', 'one');
    other.write('a.yaml', 'other');
    other.write('b.yaml', 'other');
    disk.swapIn([one]);
    // The first has swept what lay beside the folder, the other's stage with it: it fails, and changes nothing.
    expect(() => disk.swapIn([other])).toThrow('ENOENT');
    expect(read()).toEqual({ 'dist/prod/a.yaml': 'one' });
  });

  test('a second swap that fails takes the first one back, also where nothing was before', () => {
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
  test('all of them, or none', () => {
    const { dir, read } = projectFolder({ 'b/there': 'mine' });
    const files = new Map([
      [join(dir, 'a'), 'a'],
      [join(dir, 'b/there'), 'b'],
    ]);
    expect(() => disk.createFiles(files)).toThrow('EEXIST');
    expect(read()).toEqual({ 'b/there': 'mine' });
  });

  test('a file is replaced in one step', () => {
    const { dir, read } = projectFolder({ a: 'old' });
    disk.replaceFile(join(dir, 'a'), 'new');
    expect(read()).toEqual({ a: 'new' });
    expect(existsSync(join(dir, '.a.new'))).toBe(false);
  });
});
