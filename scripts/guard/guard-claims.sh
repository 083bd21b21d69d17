#!/bin/sh
# guard-claims.sh - who else mounts a claim that is restored. Sourced after guard-applications.sh, never run.
#
# Environment (the only input):
#   CLAIMS                claims that nobody else may mount, one a line: namespace claim
#   CLAIMS_IN_USE         true: do not look who mounts them (default: false)
#   NAMESPACE             namespace of the pod

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2153,SC2154

# each_claim COMMAND - with those who mount each claim in $TMP/users: pod|deletion time
each_claim() {
	[ "${CLAIMS_IN_USE-}" != true ] || return 0
	printf '%s\n' "${CLAIMS-}" >"$TMP/claims"
	while read -r namespace claim <&4; do
		[ -z "$namespace" ] || "$1"
	done 4<"$TMP/claims"
}

# find_users - pods that mount the claim and have not ended, but this one
find_users() {
	# shellcheck disable=SC2016 # a template of Go
	ask get pods --namespace="$namespace" --field-selector='status.phase!=Succeeded,status.phase!=Failed' \
		--output=go-template='{{range .items}}{{$pod := .metadata}}{{range .spec.volumes}}{{with .persistentVolumeClaim}}{{.claimName}}|{{$pod.name}}|{{$pod.deletionTimestamp}}{{"\n"}}{{end}}{{end}}{{end}}'
	own=''
	[ "$namespace" != "$NAMESPACE" ] || own=$POD_NAME
	printf '%s\n' "$answer" | awk -F '|' -v claim="$claim" -v own="$own" '$1 == claim && $2 != own { print $2 "|" $3 }' | sort -u >"$TMP/users"
}

# refuse_strangers - users that will not end with the applications; one that is ending already is waited for later
refuse_strangers() {
	claim_namespace=$namespace
	find_users
	[ -s "$TMP/users" ] || return 0
	: >"$TMP/left"
	each_application pods_left
	namespace=$claim_namespace
	strangers=$(awk -F '|' -v namespace="$namespace" '
		FILENAME == ARGV[1] { stops[$0]; next }
		$2 == "<no value>" && !("pod " namespace "/" $1 in stops) { print $1 }
	' "$TMP/left" "$TMP/users")
	[ -z "$strangers" ] || refuse_claim "$strangers"
}

refuse_users() {
	await "$STOP_WAIT_SECONDS" none_is_ending || :
	[ ! -s "$TMP/users" ] || refuse_claim "$(cut -d '|' -f 1 "$TMP/users")"
}

none_is_ending() {
	find_users
	[ "$(grep -vc '|<no value>$' "$TMP/users")" = 0 ]
}

# refuse_claim PODS
refuse_claim() {
	refuse "the claim $claim in namespace $namespace is mounted by $(printf '%s' "$1" | tr '\n' ' ')" 'name what runs them in scaleDown:, or write whileInUse: true'
}
