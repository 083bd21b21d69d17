#!/bin/sh
# guard-cluster.sh - how the guard asks the API server. Sourced after common.sh, never run.
#
# Environment (the only input):
#   KUBE_WAIT_SECONDS     how long an API server that does not answer is waited for (seconds; default: 60)
#   GRACE_SECONDS         time between TERM and KILL (seconds; default: 60)
#
# The policy of a new pod takes hold a moment after the pod has begun: the first questions may meet a closed door.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2153,SC2154

stopped_at='' kube_timeout=5

# ask ARGUMENT... - kubectl's answer in $answer; a failure ends the guard
ask() {
	ask_or_not "$@" || refuse_answer
}

# ask_or_not ARGUMENT... - the same, its status for the caller; what may pass is asked again
ask_or_not() {
	asked_at=$(date +%s)
	use_account
	until answer=$(kube "$@" 2>"$TMP/said"); do
		grep -vE '^Warning:|^[EIW][0-9]+ ' "$TMP/said" >"$TMP/error" || :
		may_pass && [ "$(date +%s)" -lt "$(patience)" ] || return 1
		log warn "the API server does not answer: $(kube_error)"
		run sleep 2 || :
	done
	kube_timeout=20
}

# kube ARGUMENT... - it looks five times for what the server knows, each with the time-out: at a closed door that adds up
kube() {
	kubectl --request-timeout="${kube_timeout}s" --cache-dir="$TMP/cache" "$@"
}

ACCOUNT=/var/run/secrets/kubernetes.io/serviceaccount

# use_account - that of the pod. By itself kubectl finds it only without --request-timeout, and asks localhost otherwise.
# The token stays in its file, which the kubelet renews.
use_account() {
	[ -e "$ACCOUNT/token" ] && [ ! -e "$TMP/kubeconfig" ] || return 0
	cat >"$TMP/kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		clusters: [{name: pod, cluster: {server: 'https://kubernetes.default.svc', certificate-authority: $ACCOUNT/ca.crt}}]
		users: [{name: pod, user: {tokenFile: $ACCOUNT/token}}]
		contexts: [{name: pod, context: {cluster: pod, user: pod}}]
		current-context: pod
	END
	export KUBECONFIG="$TMP/kubeconfig"
}

# patience - until when a question is asked again: after TERM there is less time
patience() {
	ends=$((asked_at + ${KUBE_WAIT_SECONDS:-60}))
	[ -z "$stopped_at" ] || [ "$ends" -le $(($(last_moment) + 5)) ] || ends=$(($(last_moment) + 5))
	echo "$ends"
}

# last_moment - after TERM: KILL comes after GRACE_SECONDS, and the last ten are for starting the applications
last_moment() {
	echo $((stopped_at + ${GRACE_SECONDS:-60} - 10))
}

is_missing() {
	grep -q '(NotFound)' "$TMP/error"
}

may_pass() {
	grep -qE 'dial tcp|[cC]onnection .*(refused|reset)|imed? ?out|deadline exceeded|Unable to connect|no route to host|EOF|\((ServiceUnavailable|InternalError|TooManyRequests|Conflict)\)|currently unable|etcdserver|starting up' "$TMP/error"
}

# refuse_answer - why kubectl failed, in our words and with a status of ours
refuse_answer() {
	if may_pass; then
		give_up $UNAVAILABLE "the API server does not answer: $(kube_error)" 'the policies of the namespace must let this pod reach the API server'
	fi
	case $(kube_error) in
	*' cannot '*' resource '*) give_up $NOT_ALLOWED "not allowed: the guard $(forbidden)" 'apply the whole file of the restore: its Role and RoleBinding allow this' ;;
	*orbidden* | *nauthorized* | *'admission webhook'*) give_up $NOT_ALLOWED "not allowed: $(kube_error)" 'look at who refuses it: the token, a policy or a webhook of the cluster' ;;
	esac
	give_up $FAULT "kubectl failed: $(kube_error)" 'look at the log'
}

# forbidden - verb, resource and namespace of what was forbidden: cannot patch resource "deployments" ...
forbidden() {
	sed -n 's/.* \(cannot [a-z]* resource .*\)/\1/p' "$TMP/error"
}

kube_error() {
	tail -n 1 "$TMP/error"
}

# show_phase PHASE - as a label of the Job, for `kubectl get job -L backstay.dev/phase`; without it nothing is worse
show_phase() {
	restore_phase=$1
	log info "phase: $1"
	[ -n "${JOB_NAME-}" ] || return 0
	ask_or_not patch job "$JOB_NAME" --namespace="$NAMESPACE" --type=merge \
		--patch="{\"metadata\":{\"labels\":{\"backstay.dev/phase\":\"$1\"}}}" ||
		log warn "cannot show the phase on the Job: $(kube_error)"
}
