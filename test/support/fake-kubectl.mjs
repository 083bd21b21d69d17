// A stand-in for kubectl that keeps a cluster in a JSON file. It supports the calls of scripts/guard/*.sh, and merge patches.
// guard.ts defines the shape of its state and the faults that it can simulate.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const file = process.env.FAKE_CLUSTER;
const state = JSON.parse(readFileSync(file, 'utf8'));
const args = process.argv.slice(2).filter((arg) => !/^--(request-timeout|cache-dir)=/.test(arg));
const flag = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const [verb, kind, name] = args.map((arg) => (arg.startsWith('--') ? undefined : arg));
const namespace = flag('namespace');
const call = `${verb} ${[kind, name].filter(Boolean).join('/')} ${namespace}${flag('selector') ? ` ${flag('selector')}` : ''}${flag('patch') ? ` ${flag('patch')}` : ''}`;

state.calls.push(call);
const fault = state.faults.find(({ on, times = 1 }) => new RegExp(on).test(call) && times > 0);
if (fault) fault.times = (fault.times ?? 1) - 1;
if (fault?.kill === 'before') killGroup();
if (fault?.says) end(1, fault.says);
if (fault?.scales) find(fault.scales).spec.replicas = 1;
if (fault?.writes) writeFileSync(fault.writes, '');
const answer = verb === 'patch' ? patched() : got();
if (fault?.kill === 'after') killGroup();
end(0, '', answer);

function end(status, error, output = '') {
  save();
  if (error) process.stderr.write(`${error}\n`);
  process.stdout.write(output);
  process.exit(status);
}

function save() {
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}

/** Sends SIGKILL to the process group of the guard and everything that it started, like the kernel does to a container. */
function killGroup() {
  save();
  process.kill(0, 'SIGKILL');
}

function find(key) {
  return state.objects[key] ?? end(1, `Error from server (NotFound): ${kind}s "${name}" not found`);
}

function patched() {
  const object = find(`${namespace}/${kind}/${name}`);
  merge(object, JSON.parse(flag('patch')));
  if (kind === 'job') state.phases.push(object.metadata.labels['backstay.dev/phase']);
  else if (object.spec.replicas === 0) object.looks = object.stopLooks ?? 0;
  else object.looks = object.startLooks ?? 0;
  return `${kind}/${name} patched\n`;
}

function merge(base, over) {
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete base[key];
    else if (typeof value === 'object') merge((base[key] ??= {}), value);
    else base[key] = value;
  }
}

function got() {
  const template = flag('output');
  if (kind === 'horizontalpodautoscalers')
    return lines(state.scalers.filter((one) => one.namespace === namespace).map((one) => `${one.kind} ${one.target} ${one.name}`));
  if (kind === 'pods' && template.includes('persistentVolumeClaim')) return lines(mounts());
  if (kind === 'pods') return lines(podsOf(flag('selector')));
  if (template.includes('observedGeneration')) return availability(find(`${namespace}/${kind}/${name}`));
  if (name) return lines([described(find(`${namespace}/${kind}/${name}`))]);
  const prefix = `${namespace}/${kind}/`;
  const matching = Object.entries(state.objects).filter(([key, one]) => key.startsWith(prefix) && one.labels === flag('selector'));
  return lines(matching.map(([, one]) => described(one)));
}

function lines(list) {
  return list.map((line) => `${line}\n`).join('');
}

function described({ metadata: { name, annotations: notes = {} }, spec, managers = '', labels }) {
  const ours = ['replicas', 'restore', 'phase'].map((key) => notes[`backstay.dev/${key}`] ?? '');
  return [name, spec.replicas, ...ours, managers, labels].join('|');
}

/** Pods of an application. They are gone after the set number of looks; -1 means never. */
function podsOf(selector) {
  return Object.entries(state.objects)
    .filter(([key, one]) => key.startsWith(`${namespace}/`) && one.labels === selector && remains(one))
    .map(([, one]) => `${one.metadata.name}-0`);
}

function remains(object) {
  if (object.spec.replicas > 0) return true;
  const remains = object.looks !== 0;
  if (object.looks > 0) object.looks -= 1;
  return remains;
}

function mounts() {
  const running = state.pods.filter((pod) => pod.namespace === namespace && pod.looks !== 0);
  const seen = running.map(({ name, claim, ending }) => `${claim}|${name}|${ending ? '2026-11-25T00:00:00Z' : '<no value>'}`);
  for (const pod of running) if (pod.looks > 0) pod.looks -= 1;
  const apps = Object.entries(state.objects).filter(([key, one]) => key.startsWith(`${namespace}/`) && one.claim && remains(one));
  return [...seen, ...apps.map(([, one]) => `${one.claim}|${one.metadata.name}-0|<no value>`)];
}

function availability(object) {
  const available = object.looks === 0 ? object.spec.replicas : 0;
  if (object.looks > 0) object.looks -= 1;
  return `${object.spec.replicas} ${available} 1 1`;
}
