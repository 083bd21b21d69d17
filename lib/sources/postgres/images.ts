/** The client must have the major version of the server, so there is one image for each. */
export const POSTGRES_IMAGES = {
  postgres14: 'docker.io/library/postgres:14',
  postgres15: 'docker.io/library/postgres:15',
  postgres16: 'docker.io/library/postgres:16',
  postgres17: 'docker.io/library/postgres:17',
  postgres18: 'docker.io/library/postgres:18',
} as const;

export type PostgresImage = keyof typeof POSTGRES_IMAGES;

/** Major versions of PostgreSQL that have an image. */
export const POSTGRES_MAJORS = [14, 15, 16, 17, 18] as const;
export type PostgresMajor = (typeof POSTGRES_MAJORS)[number];
