import { beforeEach, expect, test, vi } from 'vitest';
import { backstay } from '../support/fake-world.ts';
import { projectFolder, VALUES } from '../support/project-folder.ts';

const counted = vi.hoisted(() => ({ read: [] as string[], resolved: [] as string[] }));

vi.mock('../../lib/config/read.ts', async (original) => {
  const read = await original<typeof import('../../lib/config/read.ts')>();
  const readEnvironment: typeof read.readEnvironment = (dir, environment) => {
    counted.read.push(environment);
    return read.readEnvironment(dir, environment);
  };
  return { ...read, readEnvironment };
});

vi.mock('../../lib/config/resolve.ts', async (original) => {
  const { resolve } = await original<typeof import('../../lib/config/resolve.ts')>();
  const counting: typeof resolve = (values) => {
    counted.resolved.push(values.environment);
    return resolve(values);
  };
  return { resolve: counting };
});

const FILES = {
  'config/base.yaml': VALUES.replace('secret: shop-db }', 'secret: shop-db }, admin: { credentials: { secret: shop-admin } }'),
  'config/prod.yaml': '',
  'config/staging.yaml': '',
};

beforeEach(() => {
  counted.read.length = 0;
  counted.resolved.length = 0;
});

test.each([
  ['its own environment', ['prod/shop'], ['prod']],
  ['its own environment and the one whose backups it restores', ['prod/shop', '--source', 'staging/shop', '--from', 'offsite'], ['prod', 'staging']],
])('restore reads and resolves %s once', async (_, argv, environments) => {
  const { status, stderr } = await backstay(['restore', ...argv, ...projectFolder(FILES).config]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(counted).toEqual({ read: environments, resolved: environments });
});
