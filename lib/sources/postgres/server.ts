import * as z from 'zod';
import type { RelativeDiagnostic } from '../../diagnostics.ts';
import type { Env, Mount, Peer, SecretNeed } from '../../pod.ts';
import { caFile } from '../../units/credentials.ts';
import { type network, peerOf } from '../../units/host.ts';
import { objectName } from '../../units/names.ts';
import { POSTGRES_MAJORS } from './images.ts';

const CA_PATH = '/etc/backstay/postgres/ca.crt';

export const hostName = z
  .string()
  .min(1)
  .regex(/^[^\s/]+$/, { error: 'expected a host name or address' });

export const version = z.union(
  POSTGRES_MAJORS.map((major) => z.literal(major)),
  { error: `expected a major version: ${POSTGRES_MAJORS.join(', ')}` },
);

/** A Secret with a role and its password. */
export const login = z
  .strictObject({
    secret: objectName.meta({ description: 'Name of an existing Secret.' }),
    keys: z
      .strictObject({
        username: z.string().min(1).default('username').meta({ description: 'Key of the role.' }),
        password: z.string().min(1).default('password').meta({ description: 'Key of the password.' }),
      })
      .prefault({})
      .meta({ description: 'Which keys of the Secret are meant.' }),
  })
  .meta({ description: 'Where the role and its password are. Only the name is ever written.' });

/** The role that restores. */
export const admin = z.strictObject({
  user: z.string().min(1).optional().meta({ description: 'Role to log in as. Default: the key `username` of the Secret.' }),
  credentials: login,
  database: z.string().min(1).default('postgres').meta({ description: 'Database to log in to while others are made and renamed.' }),
});

export const tls = z
  .strictObject({
    mode: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer').meta({ description: '`sslmode` of libpq.' }),
    ca: caFile.optional().meta({ description: "Certificate of the server's CA. `verify-ca` and `verify-full` need it." }),
  })
  .prefault({})
  .meta({ description: 'Encryption of the connection.' });

/** The address of a server. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly tls: z.output<typeof tls>;
  readonly network?: z.output<typeof network>;
  /** How long to wait for a server that does not answer. Seconds. */
  readonly wait: number;
}

/** The role that a step logs in with. */
export interface Login {
  readonly user?: string;
  readonly credentials: z.output<typeof login>;
}

/** The variables of libpq. */
export function connection({ host, port, tls: { mode, ca }, wait }: Server, { user, credentials: { secret, keys } }: Login): Env {
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user ?? { secret, key: keys.username },
    PGPASSWORD: { secret, key: keys.password },
    PGSSLMODE: mode,
    ...(ca && { PGSSLROOTCERT: CA_PATH }),
    WAIT_SECONDS: String(wait),
  };
}

export function caMounts({ tls: { ca } }: Pick<Server, 'tls'>): readonly Mount[] {
  if (ca?.configMap) return [{ type: 'configMap', configMap: ca.configMap, key: ca.key, path: CA_PATH }];
  if (ca?.secret) return [{ type: 'secret', secret: ca.secret, key: ca.key, path: CA_PATH }];
  return [];
}

export function serverPeer({ host, port, network: how }: Server, namespace: string): Peer {
  return peerOf(host, port, namespace, how);
}

export function loginNeed({ user, credentials: { secret, keys } }: Login, purpose: string): SecretNeed {
  return { secret, keys: user === undefined ? [keys.username, keys.password] : [keys.password], purpose };
}

/** `verify-ca` and `verify-full` need a CA certificate. All other modes ignore it. */
export function checkTls({ mode, ca }: z.output<typeof tls>): readonly RelativeDiagnostic[] {
  const verifies = mode === 'verify-ca' || mode === 'verify-full';
  if (verifies === (ca !== undefined)) return [];
  if (verifies) return [{ path: ['tls', 'ca'], message: `mode '${mode}' needs a ca`, hint: 'set ca: { configMap: postgres-ca }' }];
  return [
    {
      path: ['tls', 'mode'],
      message: `ca is set, but mode '${mode}' does not verify the certificate`,
      hint: 'set mode: verify-full, or remove the ca',
    },
  ];
}
