/** Official images for steps that belong to no kind of source, or that any kind may use. */
export const TOOL_IMAGES = {
  rclone: 'docker.io/rclone/rclone:1.75.1',
  busybox: 'docker.io/library/busybox:1.37',
  kubectl: 'registry.k8s.io/kubectl:v1.34.4',
  // The image of kubectl has no shell, so one is copied into it: musl's busybox is static and runs anywhere.
  shell: 'docker.io/library/busybox:1.37-musl',
} as const;
