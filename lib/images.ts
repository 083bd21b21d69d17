/**
 * The images that pods run, and the only place that names them. Official ones only; `images:` in the values overrides each.
 *
 * The client's major is the server's major, so there is one image per major of PostgreSQL.
 */
export const IMAGES = {
  postgres14: 'docker.io/library/postgres:14',
  postgres15: 'docker.io/library/postgres:15',
  postgres16: 'docker.io/library/postgres:16',
  postgres17: 'docker.io/library/postgres:17',
  postgres18: 'docker.io/library/postgres:18',
  rclone: 'docker.io/rclone/rclone:1.75.1',
  busybox: 'docker.io/library/busybox:1.37',
  kubectl: 'registry.k8s.io/kubectl:v1.34.4',
  // The image of kubectl has no shell, so one is copied into it: musl's busybox is static and runs anywhere.
  shell: 'docker.io/library/busybox:1.37-musl',
} as const;

export type ImageName = keyof typeof IMAGES;

/** Majors of PostgreSQL that have an image. */
export const POSTGRES_MAJORS = [14, 15, 16, 17, 18] as const;
export type PostgresMajor = (typeof POSTGRES_MAJORS)[number];
