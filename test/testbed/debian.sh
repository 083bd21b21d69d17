#!/usr/bin/env bash
# Installs those of the given things that are missing, from Debian packages. Needs root only to install.
#   debian.sh THING...    a command, a file (with a slash), a library (lib….so.N) or static:COMMAND
# Checks each thing separately: `command -v a b` succeeds with a alone, and `dpkg -s` succeeds for a removed package
# whose configuration is left.
set -euo pipefail

# thing | package, if their names differ
packages='
/etc/ssl/certs/ca-certificates.crt             ca-certificates
/usr/lib/cni/ptp                               containernetworking-plugins
/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
/usr/share/zoneinfo/Pacific/Auckland           tzdata
ip                                             iproute2
nft                                            nftables
pgrep                                          procps
sysctl                                         procps
pip                                            python3-pip
static:busybox                                 busybox-static
libgssapi_krb5.so.2                            libgssapi-krb5-2
liblz4.so.1                                    liblz4-1
libreadline.so.8                               libreadline8
libxml2.so.2                                   libxml2
libzstd.so.1                                   libzstd1
'

main() {
	local thing missing=()
	for thing; do
		is_there "$thing" || missing+=("$(package_of "$thing")")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	[ "$(id -u)" = 0 ] || die "missing packages, and not root: run apt-get install ${missing[*]}"
	install_packages "${missing[@]}"
	for thing; do
		is_there "$thing" || die "the package $(package_of "$thing") is installed, but has no $thing"
	done
}

is_there() { # thing
	case $1 in
	static:*) command -v "${1#static:}" >/dev/null && ! ldd "$(command -v "${1#static:}")" >/dev/null 2>&1 ;;
	lib*.so.*) [[ $(ldconfig -p) == *"$1 "* ]] ;;
	*/*) [ -e "$1" ] ;;
	pip) python3 -m pip --version >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

package_of() { # thing
	local found
	found=$(awk -v thing="$1" '$1 == thing { print $2 }' <<<"$packages")
	echo "${found:-$1}"
}

# policy-rc.d keeps Debian from starting services.
install_packages() {
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

die() {
	echo "error: $*" >&2
	exit 1
}

PATH=$PATH:/usr/sbin:/sbin
main "$@"
