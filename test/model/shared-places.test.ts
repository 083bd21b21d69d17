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

test('accepts two environments with separate folders', () => {
  expect(said(folder('dev', 's3:aws/acme/dev/shop'), folder('prod', 's3:aws/acme/prod/shop'))).toEqual([]);
});

test('rejects a folder of two environments, at the later one', () => {
  const [diagnostic] = sharedPlaces([folder('prod', 's3:aws/acme/prod/shop'), folder('staging', 's3:aws/acme/prod/shop')]);
  expect(diagnostic).toMatchObject({
    path: 'storages.offsite.s3.prefix',
    message: "environments 'prod' and 'staging' store source 'shop' in the same folder",
    place: { file: 'config/staging.yaml', line: 3 },
  });
});

test.each([
  ['the later in the earlier', ['prod', 's3:aws/acme/shop'], ['staging', 's3:aws/acme/shop/daily/shop']],
  ['the earlier in the later', ['dev', 's3:aws/acme/shop/x/shop'], ['prod', 's3:aws/acme/shop']],
])('rejects a folder inside another one: %s', (_, [one = '', at = ''], [other = '', below = '']) => {
  expect(said(folder(one, at), folder(other, below))).toHaveLength(1);
});

test('accepts a folder whose name only starts like another one', () => {
  expect(said(folder('prod', 's3:aws/acme/shop'), folder('staging', 's3:aws/acme/shop-two'))).toEqual([]);
});

test('accepts several tiers of one environment in one folder', () => {
  expect(said(folder('prod', 's3:aws/acme/prod/shop'), folder('prod', 's3:aws/acme/prod/shop'))).toEqual([]);
});
