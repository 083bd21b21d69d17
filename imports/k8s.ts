/** The only door to the generated Kubernetes types: another minor is another package name in this line. */
export { k8s } from 'cdk8s-plus-28';
