import { Construct } from 'constructs';
import type { ClaimSpec } from '../pod.ts';
import { KubernetesObject } from './kubernetes-object.ts';
import { KEEP_ANNOTATIONS, labelsOf } from './labels.ts';

export interface ClaimProps extends ClaimSpec {
  readonly environment: string;
}

/** A PersistentVolumeClaim that holds backups: nothing that cleans up may take it. */
export class Claim extends Construct {
  constructor(scope: Construct, id: string, { environment, name, namespace, size, accessMode, storageClassName }: ClaimProps) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'PersistentVolumeClaim', {
      metadata: { name, namespace, labels: labelsOf({ environment, component: 'storage' }), annotations: KEEP_ANNOTATIONS },
      spec: {
        accessModes: [accessMode],
        storageClassName,
        resources: { requests: { storage: size } },
      },
    });
  }
}
