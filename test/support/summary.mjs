// The end of test/run.sh: reads the results of each level from a folder, prints a line per level and finally `N passed, N failed`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [folder, seconds, ...notes] = process.argv.slice(2);
const LEVELS = { manifests: 'manifests', scripts: 'scripts', cluster: 'cluster' };
const table = new Map();

for (const file of readdirSync(folder).filter((name) => name.endsWith('.status')).sort()) {
  const name = file.slice(0, -'.status'.length);
  const status = Number(readFileSync(join(folder, file), 'utf8'));
  const before = failures();
  if (existsSync(join(folder, `${name}.json`))) countTests(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
  if (existsSync(join(folder, `${name}.sum`))) {
    const [passed, failed] = readFileSync(join(folder, `${name}.sum`), 'utf8').split(' ').map(Number);
    add(name, passed, failed);
  }
  // With an error outside of any test, or no result at all, the level failed whatever its tests say.
  if (status !== 0 && failures() === before) add(name, 0, 1);
}

for (const [name, { passed, failed, skipped }] of table) {
  console.log(`${name.padEnd(10)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed${skipped ? ` ${skipped} skipped` : ''}`);
}
console.log(`${seconds} s`);
for (const note of notes) console.log(note);
const passed = [...table.values()].reduce((sum, level) => sum + level.passed, 0);
console.log(`${passed} passed, ${failures()} failed`);
process.exitCode = failures() === 0 && passed > 0 ? 0 : 1;

function countTests({ testResults }) {
  for (const { name, assertionResults, status } of testResults) {
    const level = LEVELS[relative('test', name).split('/')[0]] ?? 'unit';
    for (const test of assertionResults) {
      if (test.status === 'passed') add(level, 1, 0);
      // A test that did not run does not count as passed.
      else add(level, 0, 1, test.status === 'failed' ? 0 : 1);
    }
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) add(level, 0, 1);
  }
}

function add(level, passed, failed, skipped = 0) {
  const sum = table.get(level) ?? { passed: 0, failed: 0, skipped: 0 };
  table.set(level, { passed: sum.passed + passed, failed: sum.failed + failed, skipped: sum.skipped + skipped });
}

function failures() {
  return [...table.values()].reduce((sum, level) => sum + level.failed, 0);
}
