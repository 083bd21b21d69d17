import * as z from 'zod';
import { objectName } from './names.ts';

/** A file of a ConfigMap or Secret with the certificate of a private CA. */
export const caFile = z
  .strictObject({
    configMap: objectName.optional().meta({ description: 'ConfigMap that holds the certificate.' }),
    secret: objectName.optional().meta({ description: 'Secret that holds it, where it is not in a ConfigMap.' }),
    key: z.string().min(1).default('ca.crt').meta({ description: 'Key of the certificate, PEM.' }),
  })
  .refine((ca) => (ca.configMap === undefined) !== (ca.secret === undefined), { error: 'expected either configMap or secret' });

export type CaFile = z.output<typeof caFile>;
