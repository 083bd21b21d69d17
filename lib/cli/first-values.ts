/** The files that `init` writes: a complete first configuration, to be read from top to bottom. */

/** `config/base.yaml` */
export const BASE = `# yaml-language-server: $schema=../node_modules/backstay/schema/base.schema.json
#
# Values for all environments. Each other file in this folder is an environment and only has what differs.
# All keys with their types and defaults: node_modules/backstay/docs/values.md

# The pods run in this namespace and use its Secrets and claims.
namespace: backup

# Where backups are kept.
storages:
  # A claim in the cluster, created with this size: the fastest copy, but lost with the cluster.
  local:
    pvc:
      size: 10Gi
  # An existing bucket: the copy that survives the cluster. Values name Secrets and never contain them.
  offsite:
    s3:
      bucket: acme-backups
      region: eu-west-1
      credentials: { secret: backup-s3 } # keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

# When to back up, and what to keep. Sources without a plan use the one named default.
plans:
  default:
    storages: [local, offsite] # the first is the primary storage, the others get copies
    tiers:
      daily:
        schedule: '0 2 * * *' # in UTC unless timeZone is set
        keep: { daily: 7, weekly: 4, monthly: 6 } # a backup stays if any of these rules keeps it

# What to back up.
sources:
  shop:
    postgres:
      host: shop-db.shop # the Service shop-db in the namespace shop
      database: shop
      version: 17 # major version of the server
      credentials: { secret: shop-db } # keys username and password
      # A role for restores only. Create it before you need it: node_modules/backstay/docs/restore.md, "What it needs"
      # admin: { credentials: { secret: shop-db-restore } }
`;

/** `config/prod.yaml` */
export const PROD = `# yaml-language-server: $schema=../node_modules/backstay/schema/overlay.schema.json
#
# Values that differ in this environment, if any. Objects merge, lists are replaced as a whole, null removes a key.
#
# storages:
#   local: { pvc: { size: 100Gi } }
`;

/** `.gitignore`, without dist/, which belongs into reviews. */
export const GITIGNORE = 'node_modules/\n';

/** `.gitattributes`: reviews fold the scripts away, which nobody edits there; `synth` says when they change. */
export const GITATTRIBUTES = `# Generated scripts: reviews fold them away, and "backstay synth" says when they change.
dist/*/keep/scripts/** linguist-generated gitlab-generated
`;
