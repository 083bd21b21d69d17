import type { Finding } from '../../findings.ts';
import type { SourceKind } from '../kind.ts';
import { restoreSchema } from './restore.ts';
import { type Settings, schema } from './settings.ts';
import { tar } from './tar.ts';
import { verifySchema } from './verify.ts';

/** The files of a claim. */
export const volume = {
  name: 'volume',
  schema,
  restoreSchema,
  verifySchema,
  methods: [tar],
  check,
} as const satisfies SourceKind<typeof schema, typeof restoreSchema, typeof verifySchema>;

function check({ nextTo, node, accessMode }: Settings): readonly Finding[] {
  const hint = 'write nextTo: { app: … } with labels of the pods that use it, or node: …, or accessMode: ReadWriteMany';
  if (nextTo && node) return [{ path: ['node'], message: 'nextTo and node are both given', hint: 'keep one of them' }];
  if (nextTo || node) return [];
  if (accessMode === 'ReadWriteOnce') return [{ path: ['accessMode'], message: 'a ReadWriteOnce claim without placement', hint }];
  if (accessMode === undefined) {
    const message = 'no placement: if the claim is ReadWriteOnce, the pod hangs on any other node than its application';
    return [{ path: ['claim'], message, hint, severity: 'warning' }];
  }
  return [];
}
