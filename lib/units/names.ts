import * as z from 'zod';

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const label = 'expected lowercase letters, digits and dashes, starting and ending with a letter or digit, at most 63';

/** A name that is valid for every kind of Kubernetes object: a DNS label. */
export const dnsLabel = z.string({ error: label }).regex(DNS_LABEL, { error: label }).max(63, { error: label });

const subdomain = 'expected a Kubernetes name: lowercase letters, digits, dashes and dots, at most 253';

/** A name of a Secret, ConfigMap or claim: a DNS subdomain. */
export const objectName = z
  .string({ error: subdomain })
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, { error: subdomain })
  .max(253, { error: subdomain });

/** Labels or annotations. */
export const textMap = z.record(z.string(), z.string({ error: 'expected text; quote numbers and true or false' }));

/** A CIDR, IPv4 or IPv6, such as `10.0.0.0/8`. */
export const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: 'expected a CIDR such as 10.0.0.0/8' });

export const port = z.int({ error: 'expected a port from 1 to 65535' }).min(1).max(65_535);
