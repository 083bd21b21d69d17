/** The only door to the generated Kubernetes types: another minor is another package name in this line. Types only, so nothing is loaded. */
export type { k8s } from 'cdk8s-plus-28';
