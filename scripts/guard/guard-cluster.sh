#!/bin/sh
# guard-cluster.sh - the guard's requests to the API server. Sourced after common.sh, never run.
#
# Environment (the only input):
#   JOB_NAME              name of the Job; empty in a pod without one
#   KUBE_WAIT_SECONDS     how long to wait for an API server that does not answer (seconds; default: 60)
#   GRACE_SECONDS         time between TERM and KILL (seconds; default: 60)
#
# A new pod's NetworkPolicy takes effect shortly after the pod starts, so the first requests may be blocked.

# Statuses are numbers of common.sh, and scripts that source this file read the variables set here.
# shellcheck disable=SC2034,SC2086,SC2153,SC2154

stopped_at='' kube_timeout=5

# ask ARGUMENT... - puts kubectl's output into $answer; a failure ends the guard
ask() {
	ask_or_not "$@" || refuse_answer
}

# ask_or_not ARGUMENT... - the same, but leaves the failure to the caller; retries transient errors
ask_or_not() {
	asked_at=$(date +%s)
	use_account
	until answer=$(kube "$@" 2>"$TMP/said"); do
		grep -vE '^Warning:|^[EIW][0-9]+ ' "$TMP/said" >"$TMP/error" || :
		is_transient && [ "$(date +%s)" -lt "$(patience)" ] || return 1
		log warn "the API server does not answer: $(kube_error)"
		run sleep 2 || :
	done
	kube_timeout=20
}

# kube ARGUMENT... - kubectl tries discovery five times, each with the full timeout, which adds up while traffic is blocked
kube() {
	kubectl --request-timeout="${kube_timeout}s" --cache-dir="$TMP/cache" "$@"
}

ACCOUNT=/var/run/secrets/kubernetes.io/serviceaccount

# use_account - configures the pod's service account. With --request-timeout, kubectl does not find it by itself and asks
# localhost. The token stays in its file, which the kubelet renews.
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

# patience - when to stop retrying a request; sooner after TERM
patience() {
	ends=$((asked_at + ${KUBE_WAIT_SECONDS:-60}))
	[ -z "$stopped_at" ] || [ "$ends" -le $(($(last_moment) + 5)) ] || ends=$(($(last_moment) + 5))
	echo "$ends"
}

# last_moment - after TERM: KILL follows after GRACE_SECONDS, and starting the applications needs the last ten
last_moment() {
	echo $((stopped_at + ${GRACE_SECONDS:-60} - 10))
}

is_missing() {
	grep -q '(NotFound)' "$TMP/error"
}

is_transient() {
	grep -qE 'dial tcp|[cC]onnection .*(refused|reset)|imed? ?out|deadline exceeded|Unable to connect|no route to host|EOF|\((ServiceUnavailable|InternalError|TooManyRequests|Conflict)\)|currently unable|etcdserver|starting up' "$TMP/error"
}

# refuse_answer - turns a failure of kubectl into one of our statuses and messages
refuse_answer() {
	if is_transient; then
		give_up $UNAVAILABLE "the API server does not answer: $(kube_error)" 'allow this pod to reach the API server in the NetworkPolicies of the namespace'
	fi
	case $(kube_error) in
	*' cannot '*' resource '*) give_up $NOT_ALLOWED "not allowed: the guard $(forbidden)" 'apply the whole file of the restore: it has the Role and RoleBinding for this' ;;
	*orbidden* | *nauthorized* | *'admission webhook'*) give_up $NOT_ALLOWED "not allowed: $(kube_error)" 'find out which of these refuses it: the token, a policy or a webhook of the cluster' ;;
	esac
	give_up $FAULT "kubectl failed: $(kube_error)" 'read the log of this container'
}

# forbidden - the forbidden verb, resource and namespace: cannot patch resource "deployments" ...
forbidden() {
	sed -n 's/.* \(cannot [a-z]* resource .*\)/\1/p' "$TMP/error"
}

kube_error() {
	tail -n 1 "$TMP/error"
}

# show_phase PHASE - labels the Job, for `kubectl get job -L backstay.dev/phase`. A failure is only a warning
show_phase() {
	restore_phase=$1
	log info "phase: $1"
	[ -n "${JOB_NAME-}" ] || return 0
	ask_or_not patch job "$JOB_NAME" --namespace="$NAMESPACE" --type=merge \
		--patch="{\"metadata\":{\"labels\":{\"backstay.dev/phase\":\"$1\"}}}" ||
		log warn "cannot show the phase on the Job: $(kube_error)"
}
