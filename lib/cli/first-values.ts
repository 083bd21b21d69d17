/** The files of `init`: a complete first configuration that reads from top to bottom. */

/** `config/base.yaml` */
export const BASE = `# yaml-language-server: $schema=../node_modules/backstay/schema/base.schema.json
#
# What all environments share. Every other file in this folder is an environment and contains what differs there.
# Every key, with its type and default: node_modules/backstay/docs/values.md

# Where the pods run. Secrets and claims must be in this namespace.
namespace: backup

# Where backups are kept.
storages:
  # A claim in the cluster: the nearest copy, lost with its cluster. backstay creates it with this size.
  local:
    pvc:
      size: 10Gi
  # An existing bucket: the copy that survives. Name Secrets here; never write their content.
  offsite:
    s3:
      bucket: acme-backups
      region: eu-west-1
      credentials: { secret: backup-s3 } # keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

# When to back up, and what to keep. A source without a plan uses the plan named default.
plans:
  default:
    storages: [local, offsite] # the first is the primary storage, the others get copies
    tiers:
      daily:
        schedule: '0 2 * * *' # in UTC, unless you set timeZone
        keep: { daily: 7, weekly: 4, monthly: 6 } # a backup stays if at least one rule keeps it

# What to back up.
sources:
  shop:
    postgres:
      host: shop-db.shop # the Service shop-db in the namespace shop
      database: shop
      version: 17 # major version of the server
      credentials: { secret: shop-db } # keys username and password
      # Another role, only for restores. Create it before you need it: node_modules/backstay/docs/restore.md, "Requirements"
      # admin: { credentials: { secret: shop-db-restore } }
`;

/** `config/prod.yaml` */
export const PROD = `# yaml-language-server: $schema=../node_modules/backstay/schema/overlay.schema.json
#
# What differs in this environment. May be empty. Objects merge, lists are replaced whole, null removes a key.
#
# storages:
#   local: { pvc: { size: 100Gi } }
`;

/** `.gitignore` does not list dist/, because people review it. */
export const GITIGNORE = 'node_modules/\n';

/** `.gitattributes` folds the generated scripts away in reviews. `synth` says when they change. */
export const GITATTRIBUTES = `# Generated scripts: reviews fold them away, and "backstay synth" says when they change.
dist/*/keep/scripts/** linguist-generated gitlab-generated
`;
