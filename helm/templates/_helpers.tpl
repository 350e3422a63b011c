{{/* Names, labels, images, and the pools as they are after all defaults. */}}

{{/* A name of at most 63 characters from a list of words; a longer one ends in a hash, so it stays unique and stable. */}}
{{- define "storehand.name63" -}}
{{- $name := join "-" . -}}
{{- if gt (len $name) 63 -}}
{{- printf "%s-%s" (trunc 54 $name | trimSuffix "-") (sha256sum $name | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- define "storehand.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "storehand.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "words" (list ...)): full name and words. */}}
{{- define "storehand.object" -}}
{{- include "storehand.name63" (prepend .words (include "storehand.fullname" .root)) -}}
{{- end -}}

{{- define "storehand.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "storehand.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What never changes, for selectors: (dict "root" $ "component" "worker" "pool" "chat"). */}}
{{- define "storehand.selector" -}}
app.kubernetes.io/name: {{ include "storehand.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
storehand.io/pool: {{ quote . }}
{{- end }}
{{- end -}}

{{/* Labels of an object, of commonLabels those that are not ours. */}}
{{- define "storehand.labels" -}}
{{- $own := include "storehand.selector" . | fromYaml -}}
{{- $more := dict "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") "app.kubernetes.io/version" (toString .root.Chart.AppVersion) "app.kubernetes.io/managed-by" .root.Release.Service "app.kubernetes.io/part-of" "storehand" -}}
{{- toYaml (merge (dict) $own $more (.more | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end -}}

{{/* Labels of a pod: without the chart's version, which would start every worker anew for nothing. */}}
{{- define "storehand.podLabels" -}}
{{- $own := include "storehand.selector" . | fromYaml -}}
{{- toYaml (merge (dict) $own (.more | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end -}}

{{/* metadata of an object: (dict "root" $ "name" ... "component" ... "pool" ... "more" labels "annotations" ...). */}}
{{- define "storehand.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .namespace | default .root.Release.Namespace | quote }}
labels:
  {{- include "storehand.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "image" overrides "gpu" bool) */}}
{{- define "storehand.image" -}}
{{- $all := .root.Values.image -}}
{{- $own := .image -}}
{{- $repository := default $all.repository $own.repository -}}
{{- $registry := default $all.registry $own.registry -}}
{{- $path := ternary (printf "%s/%s" $registry $repository) $repository (ne $registry "") -}}
{{- $suffix := ternary $all.gpuTagSuffix "" .gpu -}}
{{- $tag := default (printf "%s%s" (default .root.Chart.AppVersion $all.tag) $suffix) $own.tag -}}
{{- $shared := ternary $all.gpuDigest $all.digest .gpu -}}
{{- $digest := default (ternary $shared "" (and (not $own.repository) (not $own.tag))) $own.digest -}}
{{- if $digest -}}
{{- printf "%s@%s" $path $digest -}}
{{- else -}}
{{- printf "%s:%s" $path $tag -}}
{{- end -}}
{{- end -}}

{{/*
The pools that are installed, merged over poolDefaults, with what follows from their values under `is`:
workload (name of the Deployment), drain and grace (s), softLimit (s), min and max (pods), shortestWait (s),
startup (s), alone (its pods can't be two at once), models and settings. As JSON, for `fromJson`.
*/}}
{{- define "storehand.pools" -}}
{{- $pools := dict -}}
{{- range $name, $own := .Values.pools -}}
{{- $pool := mustMergeOverwrite (deepCopy $.Values.poolDefaults) (deepCopy ($own | default dict)) -}}
{{- if $pool.enabled -}}
{{- $_ := set $pool "slots" (int ($pool.slots | default (min 32 (int $pool.concurrency)))) -}}
{{- $auto := $pool.autoscaling -}}
{{- $fixed := ternary 1 (int $pool.replicas) (kindIs "invalid" $pool.replicas) -}}
{{- $isFixed := eq $auto.mode "none" -}}
{{- $least := ternary 0 (int $auto.min) $auto.scaleToZero -}}
{{- $drain := ternary $pool.timeLimitSeconds $pool.drain.seconds (eq $pool.drain.policy "finish") -}}
{{- $grace := $pool.drain.graceSeconds | default (ceil (addf (float64 $drain) 20.0)) -}}
{{- $soft := $pool.softTimeLimitSeconds | default (mulf (float64 $pool.timeLimitSeconds) 0.9) -}}
{{- $cold := ceil (float64 $pool.coldStartSeconds) | int -}}
{{- $is := dict "workload" (include "storehand.object" (dict "root" $ "words" (list $name))) -}}
{{- $_ := set $is "drain" $drain -}}
{{- $_ := set $is "grace" (int $grace) -}}
{{- $_ := set $is "softLimit" $soft -}}
{{- $_ := set $is "replicas" $fixed -}}
{{- $_ := set $is "min" (ternary $fixed $least $isFixed) -}}
{{- $_ := set $is "max" (ternary $fixed (int $auto.max) $isFixed) -}}
{{- $waits := $pool.slo.waitSeconds -}}
{{- $_ := set $is "shortestWait" (minf (float64 $waits.interactive) (float64 $waits.standard) (float64 $waits.bulk)) -}}
{{- $_ := set $is "cold" $cold -}}
{{- $_ := set $is "startup" (int ($pool.probes.startupSeconds | default (max 600 (mul 4 $cold)))) -}}
{{- $_ := set $is "models" (include "storehand.overlaid" (list $.Values.models $pool.models) | fromJson) -}}
{{- $_ := set $is "settings" (include "storehand.overlaid" (list $.Values.settings $pool.settings) | fromJson) -}}
{{- $_ := set $is "hubModels" (include "storehand.hubModels" $is.models | fromJsonArray) -}}
{{- $cache := $pool.modelCache -}}
{{- $one := and (eq $cache.type "pvc") (has $cache.accessMode (list "ReadWriteOnce" "ReadWriteOncePod")) -}}
{{- $_ := set $is "alone" (or (eq $.Values.broker.type "embedded") (ne $pool.dataClaim "") $one) -}}
{{- $_ := set $pools $name (merge (dict "is" $is) $pool) -}}
{{- end -}}
{{- end -}}
{{- toJson $pools -}}
{{- end -}}

{{/* (list below above): one map over another; a key that is null is left out. */}}
{{- define "storehand.overlaid" -}}
{{- $whole := mustMergeOverwrite (deepCopy (index . 0 | default dict)) (deepCopy (index . 1 | default dict)) -}}
{{- $kept := dict -}}
{{- range $key, $value := $whole -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $kept $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}

{{/* The bindings that name a model of the hub: owner/name, and no engine behind an endpoint. */}}
{{- define "storehand.hubModels" -}}
{{- $found := list -}}
{{- range $role, $binding := . -}}
{{- with $binding -}}
{{- $model := toString (.model | default "starter") -}}
{{- if and (regexMatch "^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$" $model) (ne (toString (.engine | default "")) "openai") -}}
{{- $found = append $found (dict "role" $role "model" $model "revision" (toString (.revision | default ""))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- define "storehand.isEmbedded" -}}
{{- if eq .Values.broker.type "embedded" }}yes{{ end -}}
{{- end -}}

{{/* The secret that holds the broker's URL, and the store's. */}}
{{- define "storehand.brokerSecret" -}}
{{- if .Values.broker.existingSecret -}}
{{- .Values.broker.existingSecret -}}
{{- else if .Values.broker.url -}}
{{- include "storehand.object" (dict "root" . "words" (list "urls")) -}}
{{- end -}}
{{- end -}}

{{- define "storehand.storeSecret" -}}
{{- if .Values.store.existingSecret -}}
{{- .Values.store.existingSecret -}}
{{- else if .Values.store.url -}}
{{- include "storehand.object" (dict "root" . "words" (list "urls")) -}}
{{- end -}}
{{- end -}}

{{- define "storehand.podSecurityContext" -}}
{{- toYaml .Values.podSecurityContext -}}
{{- end -}}
