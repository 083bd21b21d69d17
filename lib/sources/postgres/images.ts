import type { RelativeDiagnostic } from '../../diagnostics.ts';

/** The client's major is the server's major, so there is one image per major of PostgreSQL. */
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

/** Rejects images whose tag has another major version than the client needs. */
export function checkImages(images: Readonly<Record<string, string>>): readonly RelativeDiagnostic[] {
  return POSTGRES_MAJORS.flatMap((major) => {
    const name = `postgres${major}`;
    const tagged = /:(\d+)[^/]*$/.exec((images[name] ?? '').replace(/@.*$/, ''))?.[1];
    if (tagged === undefined || Number(tagged) === major) return [];
    const message = `the image has PostgreSQL ${tagged}, but the client must have the major version of the server`;
    return [{ path: [name], message, hint: `use an image of PostgreSQL ${major}`, value: images[name] }];
  });
}
