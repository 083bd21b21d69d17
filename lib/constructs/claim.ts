import { Construct } from 'constructs';
import type { ClaimSpec } from '../pod.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { KEEP_ANNOTATIONS, labelsOf, type TextMap } from './labels.ts';

export interface ClaimProps extends ClaimSpec {
  readonly environment: string;
  /** @default - the labels of a storage */
  readonly labels?: TextMap;
}

/** A PersistentVolumeClaim with backups or restored data, which GitOps tools must never delete. */
export class Claim extends Construct {
  constructor(scope: Construct, id: string, { environment, labels, name, namespace, size, accessMode, storageClassName }: ClaimProps) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'PersistentVolumeClaim', {
      metadata: { name, namespace, labels: labels ?? labelsOf({ environment, component: 'storage' }), annotations: KEEP_ANNOTATIONS },
      spec: {
        accessModes: [accessMode],
        storageClassName,
        resources: { requests: { storage: size } },
      },
    });
  }
}
