import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../lib/model/manifest.ts';
import { fetchBackup } from '../support/fetch.ts';
import { aClaim, NOW, sha256 } from '../support/publish.ts';
import { postgresBin } from '../support/tools.ts';
import { namesIn } from '../support/volume.ts';

const FIXTURE = 'test/fixtures/stored-v1';

/** Fetches one of them out of a claim that holds them as they are. */
async function fetchOf(source: string, PARTS: string) {
  const { folder, storage } = aClaim();
  cpSync(FIXTURE, folder, { recursive: true });
  return fetchBackup([storage], { at: NOW, env: { SOURCE: source, ORIGIN_SOURCES: source, FOLDERS: `${source}/daily`, PARTS } });
}

describe('what the first format stored', () => {
  test('is what it was: nobody has made or edited it since', () => {
    const sums = filesIn(FIXTURE).map((file) => `${sha256(readFileSync(join(FIXTURE, file))).slice(0, 16)}  ${file}`);
    expect(sums).toMatchInlineSnapshot(`
      [
        "0ea33691e9737ba3  prod/files/daily/20261121-073320-cdfghjkm.manifest.json",
        "570392d8528b4ddc  prod/files/daily/20261121-073320-cdfghjkm.tar.zst",
        "e7d22717abf05f31  prod/files/owner.json",
        "ad8cdf05ad5c5f74  prod/shop/daily/20261121-073320-bcdfpqrs+globals.sql",
        "fec4015354fd0eb4  prod/shop/daily/20261121-073320-bcdfpqrs.dump",
        "f3755757c2dfd007  prod/shop/daily/20261121-073320-bcdfpqrs.manifest.json",
        "5dd46d827480b9b5  prod/shop/owner.json",
      ]
    `);
  });

  test('a database is fetched, and pg_restore of every later server reads it', async () => {
    const end = await fetchOf('shop', 'shop postgres dump');
    expect({ status: end.status, reason: end.lastWords?.reason }).toEqual({
      status: 0,
      reason: 'backup 20261121-073320-bcdfpqrs of local fetched and compared',
    });
    expect(end.files).toEqual(['20261121-073320-bcdfpqrs+globals.sql', '20261121-073320-bcdfpqrs.dump', 'manifest.json', 'shop.facts']);
    expect(end.read('in/shop.facts')).toContain('database.owner\tapp\n');
    expect(parseManifest(end.read('in/manifest.json')).parts[0]).toMatchObject({ kind: 'postgres', server: { major: 14 } });
    const dump = join(end.work, 'in/20261121-073320-bcdfpqrs.dump');
    for (const major of [14, 18] as const) {
      const sql = execFileSync(join(postgresBin(major), 'pg_restore'), ['--file=-', dump], { encoding: 'utf8' });
      expect(sql.match(/^\d+\t2026-11-\d\d /gm)).toHaveLength(200);
      expect(sql).toContain("SELECT pg_catalog.lo_create('4711');");
    }
  });

  test('a volume is fetched, and tar reads it', async () => {
    const end = await fetchOf('files', 'uploads volume tar');
    expect({ status: end.status, files: end.files }).toEqual({
      status: 0,
      files: ['20261121-073320-cdfghjkm.tar.zst', 'manifest.json', 'uploads.facts'],
    });
    expect(namesIn(join(end.work, 'in/20261121-073320-cdfghjkm.tar.zst'))).toHaveLength(9);
  });
});

function filesIn(folder: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((file) => file !== 'README.md')
    .sort();
}
