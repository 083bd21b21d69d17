import { benchDatabase } from './database.ts';
import { benchDatabaseRestore, benchVerify, benchVolumeRestore } from './restore.ts';
import { benchSynthesis } from './synthesis.ts';
import { benchVolume } from './volume.ts';

/** The comparisons of `npm run bench`, medians of interleaved runs; `npm run bench -- volume` runs one. */
const BENCHES = [
  ['database', 'a database of 2 GB into an S3 store', benchDatabase],
  ['volume', 'a volume of 1 GB in 20,000 files into a claim', benchVolume],
  ['restore', 'a database of 2 GB out of a claim', benchDatabaseRestore],
  ['restore', 'a volume of 1 GB in 20,000 files out of a claim', benchVolumeRestore],
  ['verify', 'verification of a backup of 2 GB', benchVerify],
  ['synthesis', 'YAML for a fleet', benchSynthesis],
] as const;

const wanted = process.argv.slice(2);
for (const [name, title, bench] of BENCHES) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${title}\n`);
  const result = await bench();
  process.stdout.write(`\n${title}\n\n${result}\n`);
}
