import type { Cluster } from './cluster.ts';
import { clusterOf, explainKubectl } from './cluster.ts';
import { type Need, needsOf } from './needs.ts';
import { STATUS } from './statuses.ts';
import { environmentOf } from './target.ts';
import type { Outcome, World } from './world.ts';

export interface SecretsOptions {
  readonly config: string;
  readonly check?: boolean;
  readonly context?: string;
}

/** Which Secrets must exist, and how to create them without leaving a trace. With `check`, which of them the cluster lacks. */
export async function secrets(environment: string, { config, check, context }: SecretsOptions, world: World): Promise<Outcome> {
  const needs = needsOf(environmentOf(environment, config).model);
  if (needs.length === 0) return { status: STATUS.done, text: `${environment} needs no Secret` };
  if (!check) return { status: STATUS.done, text: needs.map(describe).join('\n\n') };
  const cluster = clusterOf(world, { context });
  const found = [];
  for (const need of needs) found.push(await look(need, cluster));
  const text = found.map(({ line }) => line).join('\n');
  if (found.every(({ complete }) => complete)) return { status: STATUS.done, text };
  return { status: STATUS.found, text: `${text}\nHINT: create them as backstay secrets ${environment} prints` };
}

function describe(need: Need): string {
  const { kind, namespace, name, keys, purposes, sources } = need;
  return [
    `# ${kind} ${namespace}/${name}: ${purposes.join('; ')}`,
    `#   read by: ${sources.length > 8 ? `${sources.slice(0, 8).join(', ')} and ${sources.length - 8} more` : sources.join(', ')}`,
    `#   keys: ${keys.join(', ')}`,
    ...skeleton(need),
  ].join('\n');
}

/** No command takes a value as an argument, where shell history and process list would show it. */
function skeleton({ kind, namespace, name, keys, typed }: Need): readonly string[] {
  const to = `${name} --namespace ${namespace}`;
  if (typed)
    return [
      `# Type these lines, then Ctrl-D: ${keys.map((key) => `${key}=…`).join(' and ')}`,
      `kubectl create secret generic ${to} --from-env-file=/dev/stdin`,
    ];
  if (keys.includes('.dockerconfigjson'))
    return [`kubectl create secret docker-registry ${to} --from-file=.dockerconfigjson="$HOME/.docker/config.json"`];
  const files = keys.map((key) => `--from-file=${key}=FILE`).join(' ');
  return [`kubectl create ${kind === 'Secret' ? 'secret generic' : 'configmap'} ${to} ${files}`];
}

/** Prints the names of keys and whether they are empty. The values never leave kubectl. */
const KEYS = '{{range $key, $value := .data}}{{$key}}={{if $value}}set{{else}}empty{{end}}{{"\\n"}}{{end}}';

async function look(need: Need, cluster: Cluster): Promise<{ readonly line: string; readonly complete: boolean }> {
  const { kind, namespace, name, keys } = need;
  const object = `${kind} ${namespace}/${name}`;
  const ran = await cluster.try(['get', kind.toLowerCase(), name, '--namespace', namespace, '--output', `go-template=${KEYS}`]);
  if (ran.status !== 0 && !/\(NotFound\)/.test(ran.stderr)) throw explainKubectl(ran);
  if (ran.status !== 0) return { line: `missing  ${object}: keys ${keys.join(', ')}`, complete: false };
  const states = new Map(
    ran.stdout.split('\n').map((line): [string, string] => [line.slice(0, line.lastIndexOf('=')), line.slice(line.lastIndexOf('=') + 1)]),
  );
  const absent = keys.filter((key) => !states.has(key));
  const empty = keys.filter((key) => states.get(key) === 'empty');
  if (absent.length === 0 && empty.length === 0) return { line: `ok       ${object}`, complete: true };
  const trouble = [...absent.map((key) => `no key ${key}`), ...empty.map((key) => `the key ${key} is empty`)];
  return { line: `missing  ${object}: ${trouble.join(', ')}`, complete: false };
}
