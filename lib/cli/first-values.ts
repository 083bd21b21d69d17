/** What `init` writes: a complete first configuration, to be read from top to bottom. */

/** `config/base.yaml` */
export const BASE = `# yaml-language-server: $schema=../node_modules/backstay/schema/base.schema.json
#
# What all environments share. Each file beside this one is an environment and says what differs there.
# Every key, with its type and its default: node_modules/backstay/docs/values.md

# Where the pods run. Secrets and claims are those of this namespace.
namespace: backup

# Where backups are kept.
storages:
  # A claim in the cluster: the nearest copy, gone with its cluster. It is made with this size.
  local:
    pvc:
      size: 10Gi
  # A bucket that exists already: the copy that survives. Secrets are named here, never written.
  offsite:
    s3:
      bucket: acme-backups
      region: eu-west-1
      credentials: { secret: backup-s3 } # keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

# When, and for how long. The plan named default applies where a source names none.
plans:
  default:
    storages: [local, offsite] # the first is the primary, the others are copies
    tiers:
      daily:
        schedule: '0 2 * * *' # in UTC, unless timeZone says otherwise
        keep: { daily: 7, weekly: 4, monthly: 6 } # what any of these rules keeps is kept

# What is backed up.
sources:
  shop:
    postgres:
      host: shop-db.shop # the Service shop-db in the namespace shop
      database: shop
      version: 17 # major version of the server
      credentials: { secret: shop-db } # keys username and password
      # Another role, for restores only, best made before one is needed: node_modules/backstay/docs/restore.md, "What it needs"
      # admin: { credentials: { secret: shop-db-restore } }
`;

/** `config/prod.yaml` */
export const PROD = `# yaml-language-server: $schema=../node_modules/backstay/schema/overlay.schema.json
#
# What differs in this environment; nothing has to. Objects merge, lists are replaced whole, null removes a key.
#
# storages:
#   local: { pvc: { size: 100Gi } }
`;

/** `.gitignore`: dist/ is not in it, because it is what people review. */
export const GITIGNORE = 'node_modules/\n';

/** `.gitattributes`: reviews fold the scripts away, which nobody edits there; `synth` says when they change. */
export const GITATTRIBUTES = `# Generated scripts: reviews fold them away, and "backstay synth" says when they change.
dist/*/keep/scripts/** linguist-generated gitlab-generated
`;
