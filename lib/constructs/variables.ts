import type { k8s } from '../../imports/k8s.ts';
import type { Env } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';

/** Variables in the form of a container. */
export function variables(env: readonly (readonly [name: string, value: Env[string]])[]): Plain<k8s.EnvVar>[] {
  return env.map(([name, value]) => {
    if (typeof value === 'string') return { name, value: literal(value) };
    if ('field' in value) return { name, valueFrom: { fieldRef: { fieldPath: value.field } } };
    return { name, valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } };
  });
}

/** Escapes a text so that the process gets it unchanged: the kubelet replaces `$(NAME)` and turns `$$` into `$`. */
export function literal(text: string): string {
  return text.includes('$') ? text.replaceAll('$', '$$$$') : text;
}
