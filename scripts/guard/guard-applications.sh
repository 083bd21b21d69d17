#!/bin/sh
# guard-applications.sh - finds, stops and starts applications. Sourced after guard-cluster.sh, never run.
#
# Environment (the only input):
#   APPLICATIONS          applications to stop, one per line: namespace kind name, or
#                         namespace kind selector key=value[,key=value]; kind is deployment or statefulset
#   PAUSED                what the user has paused, one per line: autoscaler or gitops, followed by how
#   STOP_WAIT_SECONDS     how long pods may take to end (seconds; default: 300)
#   START_WAIT_SECONDS    how long applications may take to be available again (seconds; default: 300)
#   RESTORE_ID            id of the restore
#
# The request that stops an application also saves its replica count in the annotation backstay.dev/replicas. A later
# attempt finds it there, even after a crash, and starts the application with it. backstay.dev/phase is Restoring from
# the moment when the restore may change the application's data.

# Statuses are numbers of common.sh, and scripts that source this file read the variables set here.
# shellcheck disable=SC2034,SC2086,SC2153,SC2154

started='' not_started=''

# One line per application: name|replicas|saved replicas|restore|phase|managers|selector
# shellcheck disable=SC2016 # a template of Go
TEMPLATE='
{{- define "selector" -}}
	{{- $rest := "" -}}
	{{- range $key, $value := .matchLabels }}{{ $rest }}{{ $rest = "," }}{{ $key }}={{ $value }}{{ end -}}
	{{- range .matchExpressions }}{{ $rest }}{{ $rest = "," -}}
		{{- if eq .operator "DoesNotExist" }}!{{ end }}{{ .key -}}
		{{- if .values }}{{ if eq .operator "In" }} in ({{ else }} notin ({{ end -}}
			{{- range $at, $value := .values }}{{ if $at }},{{ end }}{{ $value }}{{ end }}){{ end -}}
	{{- end -}}
{{- end -}}
{{- define "managers" -}}
	{{- with .labels -}}
		{{- if index . "argocd.argoproj.io/instance" }}argocd {{ end -}}
		{{- if or (index . "kustomize.toolkit.fluxcd.io/name") (index . "helm.toolkit.fluxcd.io/name") }}flux {{ end -}}
	{{- end -}}
	{{- with .annotations -}}
		{{- if or (index . "argocd.argoproj.io/instance") (index . "argocd.argoproj.io/tracking-id") }}argocd {{ end -}}
		{{- if index . "kustomize.toolkit.fluxcd.io/reconcile" }}{{ index . "kustomize.toolkit.fluxcd.io/reconcile" }} {{ end -}}
	{{- end -}}
{{- end -}}
{{- define "application" -}}
	{{- .metadata.name }}|{{ .spec.replicas }}|
	{{- with .metadata.annotations }}{{ with index . "backstay.dev/replicas" }}{{ . }}{{ end }}{{ end }}|
	{{- with .metadata.annotations }}{{ with index . "backstay.dev/restore" }}{{ . }}{{ end }}{{ end }}|
	{{- with .metadata.annotations }}{{ with index . "backstay.dev/phase" }}{{ . }}{{ end }}{{ end }}|
	{{- template "managers" .metadata }}|
	{{- template "selector" .spec.selector }}{{ "\n" -}}
{{- end -}}
{{- if .items }}{{ range .items }}{{ template "application" . }}{{ end }}{{ else if .spec }}{{ template "application" . }}{{ end -}}'

# find_applications - everything in APPLICATIONS, each once; refuses what does not exist
#
# Writes $TMP/applications, one per line: namespace|kind| and the line of TEMPLATE. Annotations show what an earlier
# attempt has stopped or begun to restore.
find_applications() {
	: >"$TMP/found"
	printf '%s\n' "${APPLICATIONS-}" >"$TMP/wanted"
	while read -r namespace kind name selector <&3; do
		[ -n "$namespace" ] || continue
		find_application
	done 3<"$TMP/wanted"
	sort -u "$TMP/found" >"$TMP/applications"
	[ -z "$(awk -F '|' -v id="$RESTORE_ID" '$6 == id && $5 != ""' "$TMP/applications")" ] || touched=yes
	[ -z "$(awk -F '|' '$7 == "Restoring"' "$TMP/applications")" ] || earlier=yes
}

find_application() {
	if [ "$name" = selector ] && [ -n "$selector" ]; then
		ask get "$kind" --namespace="$namespace" --selector="$selector" --output=go-template="$TEMPLATE"
		[ -n "$answer" ] || refuse "there is no $kind with $selector in namespace $namespace" "correct scaleDown, or write NAMESPACE/$kind/$selector if it is in another namespace"
	elif ! ask_or_not get "$kind" "$name" --namespace="$namespace" --output=go-template="$TEMPLATE"; then
		is_missing || refuse_answer
		refuse "there is no $kind $name in namespace $namespace" "correct scaleDown, or write NAMESPACE/$kind/$name if it is in another namespace"
	fi
	[ -z "$answer" ] || printf '%s\n' "$answer" | sed "s/^/$namespace|$kind|/" >>"$TMP/found"
}

# refuse REASON HINT - records an error; not_refused reports all of them at once
refuse() {
	log error "$1"
	printf '%s\n' "$1" >>"$TMP/refused"
	printf '%s\n' "$2" >>"$TMP/hints"
}

# not_refused - ends the guard if anything was refused
not_refused() {
	[ -s "$TMP/refused" ] || return 0
	give_up $WRONG_INPUT "$(in_one "$TMP/refused")" "$(in_one "$TMP/hints")"
}

# in_one FILE - its distinct lines, joined
in_one() {
	awk '!seen[$0]++ { printf "%s%s", (n++ ? "; " : ""), $0 }' "$1"
}

# each_application COMMAND - runs it with the fields of each application in variables
each_application() {
	while IFS='|' read -r namespace kind name replicas saved restore phase managers selector <&3; do
		"$1"
	done 3<"$TMP/applications"
}

is_paused() {
	printf '%s\n' "${PAUSED-}" | grep -qE "^$1( |\$)"
}

# refuse_managed - refuses an application that something else would start again during the restore
refuse_managed() {
	is_paused autoscaler || refuse_autoscaled
	is_paused gitops || refuse_gitops
	case $saved in *[!0-9]*) refuse "the annotation backstay.dev/replicas of $kind $namespace/$name is not a number: '$saved'" 'set it to the number of replicas that it should have' ;; esac
}

# refuse_autoscaled - covers KEDA, which uses a HorizontalPodAutoscaler too
refuse_autoscaled() {
	ask get horizontalpodautoscalers --namespace="$namespace" --output=go-template='{{range .items}}{{.spec.scaleTargetRef.kind}} {{.spec.scaleTargetRef.name}} {{.metadata.name}}{{"\n"}}{{end}}'
	scaler=$(printf '%s\n' "$answer" | awk -v kind="$kind" -v name="$name" 'tolower($1) == kind && $2 == name { print $3; exit }')
	[ -z "$scaler" ] || refuse "the autoscaler $scaler scales $kind $namespace/$name" 'pause the autoscaler, then declare how: paused: { autoscaler: ... }'
}

refuse_gitops() {
	case " $managers" in
	*' argocd '*) refuse "Argo CD manages $kind $namespace/$name" 'keep Argo CD from reverting it (ignoreDifferences on /spec/replicas, or no selfHeal), then declare how: paused: { gitops: ... }' ;;
	*' flux '*) case " $managers" in *' disabled '*) ;; *) refuse "Flux manages $kind $namespace/$name" 'suspend it, or annotate it with kustomize.toolkit.fluxcd.io/reconcile: disabled, then declare how: paused: { gitops: ... }' ;; esac ;;
	esac
}

# renew_safety - makes another safety backup if an application ran since the last one, and so may have written data that it
# lacks. The kept old data has it too, but only until --drop-old, and everything that --drop-old deletes must be in a backup
renew_safety() {
	[ "${replicas:-1}" != 0 ] && [ -e "$WORK_DIR/run/safe" ] || return 0
	log info "$kind $namespace/$name has run since the earlier attempt: making another safety backup"
	mv "$WORK_DIR/run/safe" "$WORK_DIR/run/outdated"
}

# stop_applications - stops them and waits until none of their pods is left
stop_applications() {
	touched=yes
	each_application stop_application
	await "$STOP_WAIT_SECONDS" no_pod_left ||
		give_up $UNAVAILABLE "still running after ${STOP_WAIT_SECONDS}s: $(in_one "$TMP/left")" 'find out what keeps these pods from ending, or raise stopWait'
}

# stop_application - keeps a replica count that an earlier attempt saved, or the application would be started with 0
stop_application() {
	not_stopped
	log info "stopping $kind $namespace/$name, replicas: ${replicas:-1}${saved:+; saved by $restore: $saved}"
	[ -z "$saved" ] || [ "$restore" = "$RESTORE_ID" ] || log warn "already stopped by another restore: $restore"
	annotate "\"backstay.dev/replicas\":\"${saved:-${replicas:-1}}\",\"backstay.dev/restore\":\"$RESTORE_ID\"" ',"spec":{"replicas":0}'
}

# annotate MEMBERS [MORE] - sets annotations, and MORE of the object, in one request
annotate() {
	ask patch "$kind" "$name" --namespace="$namespace" --type=merge --patch="{\"metadata\":{\"annotations\":{$1}}${2-}}"
}

mark_restoring() {
	annotate '"backstay.dev/phase":"Restoring"'
}

# no_pod_left - not even one that is ending; $TMP/left has the names of those left
no_pod_left() {
	: >"$TMP/left"
	each_application pods_left
	[ ! -s "$TMP/left" ]
}

pods_left() {
	ask get pods --namespace="$namespace" --selector="$selector" \
		--field-selector='status.phase!=Succeeded,status.phase!=Failed' --output=go-template='{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}'
	[ -z "$answer" ] || printf '%s\n' "$answer" | sed "s/^/pod $namespace\//" >>"$TMP/left"
}

# await SECONDS CONDITION - checks every two seconds; false on timeout
await() {
	since=$(date +%s)
	until "$2"; do
		not_stopped
		[ $(($(date +%s) - since)) -lt "$1" ] || return 1
		run sleep 2 || :
	done
}

# start_applications - those that this restore stopped; false if one of them could not be started
start_applications() {
	each_application start_application
	[ -z "$not_started" ]
}

# start_application - with the replica count from its annotation
start_application() {
	if ! look_at_application; then
		is_missing || could_not_start
		return 0
	fi
	[ "$restore" = "$RESTORE_ID" ] && [ -n "$saved" ] || return 0
	[ "$replicas" = 0 ] || printf '%s\n' "$kind $namespace/$name" >>"$TMP/meanwhile"
	log info "starting $kind $namespace/$name, replicas: $saved"
	if ask_or_not patch "$kind" "$name" --namespace="$namespace" --type=merge --patch="$UNDO\"replicas\":$saved}}"; then
		started="${started:+$started, }$kind $namespace/$name"
	else
		could_not_start
	fi
}

UNDO='{"metadata":{"annotations":{"backstay.dev/replicas":null,"backstay.dev/restore":null,"backstay.dev/phase":null}},"spec":{'

could_not_start() {
	log error "cannot start $kind $namespace/$name: $(kube_error)"
	not_started="${not_started:+$not_started, }$kind $namespace/$name"
}

# look_at_application - refreshes the variables of each_application, except for namespace and kind
look_at_application() {
	ask_or_not get "$kind" "$name" --namespace="$namespace" --output=go-template="$TEMPLATE" || return 1
	IFS='|' read -r name replicas saved restore phase managers selector <<-END
		$answer
	END
}

# all_available - whether all started applications are available; $TMP/unavailable has the names of those that are not
all_available() {
	: >"$TMP/unavailable"
	each_application is_available
	[ ! -s "$TMP/unavailable" ]
}

is_available() {
	case ", $started," in *", $kind $namespace/$name,"*) ;; *) return 0 ;; esac
	ask_or_not get "$kind" "$name" --namespace="$namespace" \
		--output=go-template='{{.spec.replicas}} {{if .status.availableReplicas}}{{.status.availableReplicas}}{{else}}0{{end}} {{.metadata.generation}} {{.status.observedGeneration}}' || answer='1 0 1 0'
	read -r wanted available generation observed <<-END
		$answer
	END
	[ "$available" -ge "$wanted" ] && [ "$generation" = "$observed" ] || printf '%s\n' "$kind $namespace/$name" >>"$TMP/unavailable"
}
