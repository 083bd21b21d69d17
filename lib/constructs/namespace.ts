import { Construct } from 'constructs';
import { KubernetesObject } from './kubernetes-object.ts';
import { KEEP_ANNOTATIONS } from './labels.ts';

const LEVEL = 'restricted';

/** A Namespace that refuses every pod that needs more than Pod Security "restricted" allows. */
export class Namespace extends Construct {
  constructor(scope: Construct, id: string, { name }: { readonly name: string }) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'Namespace', {
      metadata: {
        name,
        labels: {
          'app.kubernetes.io/name': 'backstay',
          'app.kubernetes.io/managed-by': 'backstay',
          'pod-security.kubernetes.io/enforce': LEVEL,
          'pod-security.kubernetes.io/audit': LEVEL,
          'pod-security.kubernetes.io/warn': LEVEL,
        },
        annotations: KEEP_ANNOTATIONS,
      },
    });
  }
}
