import { Construct } from 'constructs';
import { KubernetesObject } from './kubernetes-object.ts';
import type { TextMap } from './labels.ts';

export interface ServiceAccountProps {
  readonly name: string;
  readonly namespace: string;
  readonly labels: TextMap;
  readonly annotations: TextMap;
}

/** The identity of one source's pods. It has no rights, and its pods get no token for the Kubernetes API. */
export class ServiceAccount extends Construct {
  constructor(scope: Construct, id: string, { name, namespace, labels, annotations }: ServiceAccountProps) {
    super(scope, id);
    new KubernetesObject(this, 'Resource', 'ServiceAccount', {
      metadata: { name, namespace, labels, annotations },
      automountServiceAccountToken: false,
    });
  }
}
