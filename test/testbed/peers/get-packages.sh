#!/usr/bin/env bash
# Test peers that come ready-made from npm, PyPI and Debian. Debian's part needs root and is skipped without it.
#   get-packages.sh [npm] [pypi] [debian]
set -euo pipefail

cache=${TEST_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/backstay-testbed}
mkdir -p "$cache/bin"
debian='mmdebstrap busybox-static dash shellcheck jq openssl iproute2'

# azurite 3.35 is what Node 20 runs.
get_npm() {
  [ -x "$cache/npm/node_modules/.bin/azurite-blob" ] || npm install --prefix "$cache/npm" --no-save azurite@3.35.0
}

# The aws command is the second client beside rclone; barman-cloud-* is another backup tool to compare with.
get_pypi() {
  [ ! -x "$cache/python/bin/barman-cloud-backup" ] || return 0
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install --quiet awscli==1.46.2 boto3 barman==3.19.1 psycopg2-binary
  ln -sfn "$cache/python/bin/aws" "$cache/bin/aws"
}

get_debian() {
  local p
  if [ "$(id -u)" != 0 ]; then
    echo 'no root: Debian packages are skipped' >&2
    return 0
  fi
  # every one: `command -v` of several names is content with the first that it finds
  dpkg -s $debian >/dev/null 2>&1 || {
    apt-get update -qq
    # No service may start by itself: policy-rc.d is how Debian is told.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
      $debian || {
      rm -f /usr/sbin/policy-rc.d
      return 1
    }
    rm -f /usr/sbin/policy-rc.d
  }
  # Only the programs: their packages would bring services, users and configuration.
  for p in prometheus-pushgateway pgbackrest; do
    [ ! -x "$cache/bin/$p" ] || continue
    mkdir -p "$cache/debian"
    (cd "$cache/debian" && apt-get download -qq "$p" && dpkg -x "$p"_*.deb "$p" && rm "$p"_*.deb)
    ln -sfn "$cache/debian/$p/usr/bin/$p" "$cache/bin/$p"
  done
}

[ $# -gt 0 ] || set -- npm pypi debian
for i in "$@"; do "get_$i"; done
