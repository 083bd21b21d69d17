import { describe, expect, test } from 'vitest';
import { Diagnostics } from '../../lib/config/diagnostics.ts';
import type { Path } from '../../lib/config/places.ts';
import type { KindSettings, SourceSettings, TierSettings } from '../../lib/config/settings.ts';
import { alike, methodIn, methodsOf, tiersToVerify } from '../../lib/model/methods.ts';
import { checkRivals } from '../../lib/model/rivals.ts';
import type { Method, SourceKind } from '../../lib/sources/kind.ts';

const method = (name: string, rivals?: readonly string[]) => ({ name, rivals }) as Method;
const kindOf = (...methods: readonly Method[]): KindSettings => ({
  kind: { name: 'db', methods } as unknown as SourceKind,
  settings: {},
  origin: (path) => path,
});
const tier = (name: string, chosen?: string, storage = 'local') =>
  ({ name, method: chosen, storages: [{ storage: { name: storage } }], origin: (path: Path) => ['tiers', name, ...path] }) as unknown as TierSettings;
const sourceOf = (kinds: readonly KindSettings[], tiers: readonly TierSettings[], storage?: string) =>
  ({ name: 'shop', kinds, tiers, verify: { settings: { storage } } }) as unknown as SourceSettings;

const db = kindOf(method('dump'), method('basebackup'));
const files = kindOf(method('tar'));
const tiers = [tier('hourly'), tier('daily', 'dump'), tier('weekly', 'basebackup')];

describe('the method of a tier', () => {
  test('is the one that it names, or the default of a kind that has no such method', () => {
    expect(tiers.map((each) => methodIn(db.kind, each).name)).toEqual(['dump', 'dump', 'basebackup']);
    expect(tiers.map((each) => methodIn(files.kind, each).name)).toEqual(['tar', 'tar', 'tar']);
  });

  test('counts once for each source, and is the default where no tier is on', () => {
    expect(methodsOf({ tiers }, db.kind).map(({ name }) => name)).toEqual(['dump', 'basebackup']);
    expect(methodsOf({ tiers: [] }, db.kind).map(({ name }) => name)).toEqual(['dump']);
  });
});

describe('one restore, or one verification, reads backups of one method', () => {
  test('of the first tier and those like it', () => {
    expect(alike({ kinds: [files, db] }, tiers).map(({ name }) => name)).toEqual(['hourly', 'daily']);
    expect(alike({ kinds: [files, db] }, tiers.toReversed()).map(({ name }) => name)).toEqual(['weekly']);
    expect(alike({ kinds: [files] }, tiers)).toEqual(tiers);
  });

  test('in the storage that is verified', () => {
    const elsewhere = [...tiers, tier('monthly', 'basebackup', 'cold'), tier('yearly', 'dump', 'cold')];
    expect(tiersToVerify(sourceOf([db], elsewhere)).map(({ name }) => name)).toEqual(['hourly', 'daily']);
    expect(tiersToVerify(sourceOf([db], elsewhere, 'cold')).map(({ name }) => name)).toEqual(['monthly']);
  });
});

describe('rivals', () => {
  const errorsOf = (kinds: readonly KindSettings[]) => {
    const diagnostics = new Diagnostics(() => undefined);
    checkRivals(sourceOf(kinds, tiers), diagnostics);
    return diagnostics.errors.map(({ path, message }) => `${path}: ${message}`);
  };

  test.each([
    ['the later method excludes the earlier', kindOf(method('dump'), method('basebackup', ['dump']))],
    ['the earlier method excludes the later', kindOf(method('dump', ['basebackup']), method('basebackup'))],
  ])('in one source are refused where %s', (_, kind) => {
    expect(errorsOf([kind])).toEqual(["tiers.weekly.method: 'shop' cannot have both methods dump and basebackup"]);
  });

  test('of two kinds are refused as well', () => {
    expect(errorsOf([kindOf(method('tar')), kindOf(method('dump', ['tar']))])).toEqual([
      "tiers.hourly.method: 'shop' cannot have both methods tar and dump",
    ]);
  });

  test('are no matter for methods that name none', () => {
    expect(errorsOf([db, files])).toEqual([]);
  });
});
