import type { RelativeDiagnostic } from '../../diagnostics.ts';
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

function check({ nextTo, node, accessMode }: Settings): readonly RelativeDiagnostic[] {
  const hint = 'set nextTo: { app: … } to labels of the pods that use it, or set node: … or accessMode: ReadWriteMany';
  if (nextTo && node) return [{ path: ['node'], message: 'nextTo and node are both set', hint: 'remove one of them' }];
  if (nextTo || node) return [];
  if (accessMode === 'ReadWriteOnce') return [{ path: ['accessMode'], message: 'a ReadWriteOnce claim needs a placement', hint }];
  if (accessMode === undefined) {
    const message = 'no placement: if the claim is ReadWriteOnce, the pod starts only on the node of its application';
    return [{ path: ['claim'], message, hint, severity: 'warning' }];
  }
  return [];
}
