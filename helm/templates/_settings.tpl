{{/* Values become settings: variables of the environment, one to one, in a ConfigMap per pool; secrets are files. */}}

{{/* (dict "out" map "settings" map): adds STOREHAND_<NAME>; structures as JSON, numbers without an exponent. */}}
{{- define "storehand.addSettings" -}}
{{- $out := .out -}}
{{- range $name, $value := .settings -}}
{{- if kindIs "string" $value -}}
{{- $_ := set $out (printf "STOREHAND_%s" (upper $name)) $value -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $out (printf "STOREHAND_%s" (upper $name)) (toJson $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What workers, exporter and test pod share. */}}
{{- define "storehand.sharedSettings" -}}
{{- $s := dict "http_host" "0.0.0.0" "http_port" .Values.metrics.port "data_dir" "/var/lib/storehand" "log_format" .Values.log.format "log_level" .Values.log.level "queue_prefix" .Values.queuePrefix "routes" (include "storehand.routes" . | fromJson) "visibility_s" .Values.broker.visibilitySeconds "tracing" .Values.tracing.enabled "require_signature" .Values.signing.required -}}
{{- if eq .Values.broker.type "sentinel" -}}
{{- $_ := set $s "broker_master_name" .Values.broker.masterName -}}
{{- end -}}
{{- range $side, $tls := dict "broker" .Values.broker.tls "store" .Values.store.tls -}}
{{- if $tls.existingSecret -}}
{{- range $key, $name := dict "ca" $tls.caKey "cert" $tls.certKey "key" $tls.keyKey -}}
{{- if $name -}}
{{- $_ := set $s (printf "%s_%s_file" $side $key) (printf "/etc/storehand/%s-tls/%s" $side $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $s -}}
{{- end -}}

{{- define "storehand.routes" -}}
{{- $routes := dict -}}
{{- range $task, $family := .Values.routes -}}
{{- if $family -}}
{{- $_ := set $routes $task $family -}}
{{- end -}}
{{- end -}}
{{- toJson $routes -}}
{{- end -}}

{{/*
A pool's bindings. Beside a GPU one that names no device asks for CUDA: `auto` would serve on the CPU where the pod sees no
device, slowly and without a word. ROCm goes by the same name.
*/}}
{{- define "storehand.bindings" -}}
{{- $bindings := dict -}}
{{- range $role, $binding := .is.models -}}
{{- $asks := and $.gpu.enabled (not $binding.device) (ne (toString ($binding.engine | default "")) "openai") -}}
{{- $_ := set $bindings $role (ternary (merge (dict "device" "cuda") $binding) $binding $asks) -}}
{{- end -}}
{{- toJson $bindings -}}
{{- end -}}

{{/* Data of a pool's ConfigMap: (dict "root" $ "pool" pool). */}}
{{- define "storehand.poolEnv" -}}
{{- $pool := .pool -}}
{{- $s := include "storehand.sharedSettings" .root | fromJson -}}
{{- $_ := set $s "queues" $pool.queues -}}
{{- if $pool.plugins -}}
{{- $_ := set $s "plugins" $pool.plugins -}}
{{- end -}}
{{- if $pool.is.models -}}
{{- $_ := set $s "models" (include "storehand.bindings" $pool | fromJson) -}}
{{- end -}}
{{- $_ := set $s "concurrency" $pool.concurrency -}}
{{- $_ := set $s "wait_objective_s" $pool.slo.waitSeconds -}}
{{- $_ := set $s "time_limit_s" $pool.timeLimitSeconds -}}
{{- $_ := set $s "soft_time_limit_s" $pool.is.softLimit -}}
{{- $_ := set $s "drain_s" $pool.is.drain -}}
{{- if and (has $pool.gpu.sharing (list "timeslice" "mps")) $pool.gpu.enabled -}}
{{- $device := index .root.Values.gpuDevices $pool.gpu.device | default (dict "memoryGiB" 1) -}}
{{- $_ := set $s "memory_share" (round (divf (float64 ($pool.gpu.memoryGiB | default 1)) (float64 $device.memoryGiB)) 3) -}}
{{- end -}}
{{- $out := dict -}}
{{- include "storehand.addSettings" (dict "out" $out "settings" $s) -}}
{{- include "storehand.addSettings" (dict "out" $out "settings" $pool.is.settings) -}}
{{- $cache := $pool.modelCache.mountPath -}}
{{- $_ := set $out "HF_HOME" (printf "%s/huggingface" $cache) -}}
{{- if or $pool.modelCache.prefetch (eq $pool.modelCache.type "image") -}}
{{- $_ := set $out "HF_HUB_OFFLINE" "1" -}}
{{- end -}}
{{- if include "storehand.hubToken" (dict "root" .root "pool" $pool "isPrefetch" false) -}}
{{- $_ := set $out "HF_TOKEN_PATH" "/etc/storehand/hub/token" -}}
{{- end -}}
{{- $out = merge $out (include "storehand.commonEnv" .root | fromJson) -}}
{{- toJson $out -}}
{{- end -}}

{{/* Data of the exporter's ConfigMap. */}}
{{- define "storehand.exporterEnv" -}}
{{- $out := dict -}}
{{- $s := include "storehand.sharedSettings" .root | fromJson -}}
{{- $plans := dict -}}
{{- range $name, $pool := .pools -}}
{{- $plan := dict "families" $pool.queues "slots" $pool.slots "utilization" $pool.autoscaling.utilization "wait_objective_s" $pool.slo.waitSeconds "objective" $pool.slo.objective "service_hint_s" $pool.costHintSeconds "cold_start_s" $pool.coldStartSeconds "min_workers" $pool.is.min "max_workers" (max 1 $pool.is.max) -}}
{{- with $pool.autoscaling.catchUpSeconds -}}
{{- $_ := set $plan "catch_up_s" . -}}
{{- end -}}
{{- $_ := set $plans $name $plan -}}
{{- end -}}
{{- $_ := set $s "pools" $plans -}}
{{- include "storehand.addSettings" (dict "out" $out "settings" $s) -}}
{{- include "storehand.addSettings" (dict "out" $out "settings" (.root.Values.settings | default dict)) -}}
{{- toJson (merge $out (include "storehand.commonEnv" .root | fromJson)) -}}
{{- end -}}

{{/* Variables of others: caches go where one may write. */}}
{{- define "storehand.commonEnv" -}}
{{- $out := dict "HOME" "/tmp" "STOREHAND_SECRETS_DIR" "/etc/storehand/secrets" -}}
{{- with .Values.huggingFace.endpoint -}}
{{- $_ := set $out "HF_ENDPOINT" . -}}
{{- end -}}
{{- if .Values.tracing.enabled -}}
{{- with .Values.tracing.endpoint -}}
{{- $_ := set $out "OTEL_EXPORTER_OTLP_ENDPOINT" . -}}
{{- end -}}
{{- $_ := set $out "OTEL_EXPORTER_OTLP_PROTOCOL" .Values.tracing.protocol -}}
{{- $_ := set $out "OTEL_TRACES_SAMPLER" "parentbased_traceidratio" -}}
{{- $_ := set $out "OTEL_TRACES_SAMPLER_ARG" (toJson .Values.tracing.ratio) -}}
{{- $out = merge (dict) (.Values.tracing.env | default dict) $out -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}

{{/* Container env that needs the pod's own name: (dict "root" $ "pool" name "service" name "extra" list). */}}
{{- define "storehand.env" -}}
{{- if .root.Values.tracing.enabled }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_SERVICE_NAME
  value: {{ .service }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: "service.namespace={{ .root.Release.Name }},service.instance.id=$(POD_NAME),k8s.namespace.name={{ .root.Release.Namespace }},k8s.pod.name=$(POD_NAME){{ with .pool }},storehand.pool={{ . }}{{ end }}"
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Files that every pod of ours may read: secrets under the settings' names, certificates. */}}
{{- define "storehand.secretVolumes" -}}
{{- $sources := list -}}
{{- $brokerKey := ternary "broker_url" .Values.broker.secretKey (eq .Values.broker.existingSecret "") -}}
{{- $storeKey := ternary "store_url" .Values.store.secretKey (and (ne .Values.store.url "") (eq .Values.store.existingSecret "")) -}}
{{- range $each := list (list (include "storehand.brokerSecret" .) $brokerKey "broker_url") (list (include "storehand.storeSecret" . | default (include "storehand.brokerSecret" .)) $storeKey "store_url") (list .Values.signing.existingSecret .Values.signing.secretKey "signing_keys") (list .Values.payloads.existingSecret .Values.payloads.secretKey "payload_url") -}}
{{- if index $each 0 -}}
{{- $sources = append $sources (dict "secret" (dict "name" (index $each 0) "items" (list (dict "key" (index $each 1) "path" (index $each 2))))) -}}
{{- end -}}
{{- end }}
- name: secrets
  {{- if $sources }}
  projected:
    defaultMode: 0440
    sources:
      {{- toYaml $sources | nindent 6 }}
  {{- else }}
  emptyDir:
    sizeLimit: 1Mi
  {{- end }}
{{- range $side, $tls := dict "broker" .Values.broker.tls "store" .Values.store.tls }}
{{- if $tls.existingSecret }}
- name: {{ $side }}-tls
  secret:
    secretName: {{ $tls.existingSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end -}}

{{- define "storehand.secretMounts" -}}
- name: secrets
  mountPath: /etc/storehand/secrets
  readOnly: true
{{- range $side, $tls := dict "broker" .Values.broker.tls "store" .Values.store.tls }}
{{- if $tls.existingSecret }}
- name: {{ $side }}-tls
  mountPath: /etc/storehand/{{ $side }}-tls
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}
