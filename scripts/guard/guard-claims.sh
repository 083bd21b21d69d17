#!/bin/sh
# guard-claims.sh - finds other pods that mount a claim to be restored. Sourced after guard-applications.sh, never run.
#
# Environment (the only input):
#   CLAIMS                claims that no other pod may mount, one per line: namespace claim
#   CLAIMS_IN_USE         true: do not check which pods mount them (default: false)
#   NAMESPACE             namespace of the pod
#   POD_NAME              name of the pod

# Statuses are numbers of common.sh, and scripts that source this file read the variables set here.
# shellcheck disable=SC2034,SC2086,SC2153,SC2154

# each_claim COMMAND - runs it with namespace and claim in variables
each_claim() {
	[ "${CLAIMS_IN_USE-}" != true ] || return 0
	printf '%s\n' "${CLAIMS-}" >"$TMP/claims"
	while read -r namespace claim <&4; do
		[ -z "$namespace" ] || "$1"
	done 4<"$TMP/claims"
}

# find_users - other pods that mount the claim and have not ended, in $TMP/users: pod|deletion time
find_users() {
	# shellcheck disable=SC2016 # a template of Go
	ask get pods --namespace="$namespace" --field-selector='status.phase!=Succeeded,status.phase!=Failed' \
		--output=go-template='{{range .items}}{{$pod := .metadata}}{{range .spec.volumes}}{{with .persistentVolumeClaim}}{{.claimName}}|{{$pod.name}}|{{$pod.deletionTimestamp}}{{"\n"}}{{end}}{{end}}{{end}}'
	own=''
	[ "$namespace" != "$NAMESPACE" ] || own=$POD_NAME
	printf '%s\n' "$answer" | awk -F '|' -v claim="$claim" -v own="$own" '$1 == claim && $2 != own { print $2 "|" $3 }' | sort -u >"$TMP/users"
}

# refuse_strangers - refuses pods that do not stop with the applications. refuse_users waits for those already ending
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
	refuse "the claim $claim in namespace $namespace is mounted by $(printf '%s' "$1" | tr '\n' ' ')" 'list their workloads in scaleDown, or set whileInUse: true'
}
