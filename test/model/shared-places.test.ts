import { expect, test } from 'vitest';
import { type OwnedFolder, sharedPlaces } from '../../lib/model/shared-places.ts';

const folder = (environment: string, at: string, source = 'shop'): OwnedFolder => ({
  environment,
  source,
  at,
  prefix: 'storages.offsite.s3.prefix',
  place: { file: `config/${environment}.yaml`, line: 3 },
});
const said = (...folders: readonly OwnedFolder[]) => sharedPlaces(folders).map(({ message }) => message);

test('two environments with folders of their own are left alone', () => {
  expect(said(folder('dev', 's3:aws/acme/dev/shop'), folder('prod', 's3:aws/acme/prod/shop'))).toEqual([]);
});

test('one folder for two environments is refused, at the later one', () => {
  const [problem] = sharedPlaces([folder('prod', 's3:aws/acme/prod/shop'), folder('staging', 's3:aws/acme/prod/shop')]);
  expect(problem).toMatchObject({
    path: 'storages.offsite.s3.prefix',
    message: "the environments 'prod' and 'staging' would both keep the source 'shop' in one folder",
    place: { file: 'config/staging.yaml', line: 3 },
  });
});

test.each([
  ['the later in the earlier', ['prod', 's3:aws/acme/shop'], ['staging', 's3:aws/acme/shop/daily/shop']],
  ['the earlier in the later', ['dev', 's3:aws/acme/shop/x/shop'], ['prod', 's3:aws/acme/shop']],
])('a folder in another one is refused: %s', (_, [one = '', at = ''], [other = '', below = '']) => {
  expect(said(folder(one, at), folder(other, below))).toHaveLength(1);
});

test('a name that only begins like another one is no folder in it', () => {
  expect(said(folder('prod', 's3:aws/acme/shop'), folder('staging', 's3:aws/acme/shop-two'))).toEqual([]);
});

test('one environment with several tiers in one folder is its own business', () => {
  expect(said(folder('prod', 's3:aws/acme/prod/shop'), folder('prod', 's3:aws/acme/prod/shop'))).toEqual([]);
});
