#!/usr/bin/env node
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { disk } from './lib/cli/disk.ts';
import { runKubectl } from './lib/cli/kubectl.ts';
import { runCommandLine } from './lib/cli/run-command-line.ts';

// With 5,000 sources, this takes a quarter less memory and 5 % more time.
setFlagsFromString('--heap-growing-percent=50');

const interruption = new AbortController();
const { signal } = interruption;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // The first signal makes a waiting command clean up, the second one ends it.
  process.on(name, () => (signal.aborted ? process.exit(130) : interruption.abort()));
}

// `backstay list prod | head` ends as soon as head has read its lines.
process.stdout.on('error', () => process.exit());

process.exitCode = await runCommandLine(process.argv.slice(2), {
  now: () => Date.now() / 1000,
  sleep: (seconds) => sleep(seconds * 1000, undefined, { signal }).catch(() => {}),
  say: (text) => console.log(text),
  warn: (text) => console.error(text),
  kubectl: runKubectl(process.env),
  interrupted: signal,
  disk,
  cdk8sOutdir: process.env.CDK8S_OUTDIR,
});
