{{/* What KEDA and HPA share. */}}

{{/* Up by 100 % each 15 s at once; down by one pod per cold start, after twice that: a pod that goes too early costs a
cold start to come back. Kubernetes allows periods up to 1800 s and windows up to 3600 s. */}}
{{- define "storehand.behavior" -}}
{{- if .autoscaling.behavior -}}
{{- toYaml .autoscaling.behavior -}}
{{- else -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - type: Percent
      value: 100
      periodSeconds: 15
scaleDown:
  stabilizationWindowSeconds: {{ min 3600 (max 300 (mul 2 (int .is.cold))) }}
  policies:
    - type: Pods
      value: 1
      periodSeconds: {{ min 1800 (max 15 (int .is.cold)) }}
{{- end -}}
{{- end -}}

{{/* An identifier for a formula. */}}
{{- define "storehand.identifier" -}}
{{- regexReplaceAll "[^A-Za-z0-9]" . "_" -}}
{{- end -}}

{{/*
Triggers that ask the broker itself; empty where KEDA was told no address:
(dict "root" $ "pool" pool "auth" name). What is in hand stands in one hash for all pools of a Redis. Each counts all of it:
when Prometheus and exporter are silent it is better to keep too many pods than to take busy ones away.
*/}}
{{- define "storehand.brokerTriggers" -}}
{{- $root := .root -}}
{{- $pool := .pool -}}
{{- $keda := $root.Values.broker.keda -}}
{{- $type := $root.Values.broker.type -}}
{{- $auth := .auth -}}
{{- $triggers := list -}}
{{- $common := dict -}}
{{- $kind := "" -}}
{{- if and (has $type (list "redis" "sentinel")) $keda.address -}}
{{- $kind = ternary "redis-sentinel" "redis" (eq $type "sentinel") -}}
{{- $common = dict (ternary "addresses" "address" (eq $type "sentinel")) $keda.address "databaseIndex" (toString (int $keda.database)) "enableTLS" (toString $keda.tls) "listLength" "1" -}}
{{- if eq $type "sentinel" -}}
{{- $_ := set $common "sentinelMaster" $root.Values.broker.masterName -}}
{{- end -}}
{{- else if and (eq $type "rabbitmq") $keda.hostKey -}}
{{- $kind = "rabbitmq" -}}
{{- $common = dict "protocol" $keda.protocol "mode" "QueueLength" "value" "1" -}}
{{- end -}}
{{- if $kind -}}
{{- $names := list -}}
{{- range $family := $pool.queues -}}
{{- range $priority := list "interactive" "standard" "bulk" -}}
{{- $names = append $names (printf "%s.%s.%s" $root.Values.queuePrefix $family $priority) -}}
{{- end -}}
{{- end -}}
{{- if ne $kind "rabbitmq" -}}
{{- $names = append $names (printf "%s.unacked" $root.Values.queuePrefix) -}}
{{- end -}}
{{- range $queue := $names -}}
{{- $where := ternary (dict "queueName" $queue) (dict "listName" $queue) (eq $kind "rabbitmq") -}}
{{- $name := include "storehand.identifier" (printf "q_%s" (trimPrefix (printf "%s." $root.Values.queuePrefix) $queue)) -}}
{{- $trigger := dict "type" $kind "name" $name "metadata" (merge (dict) $where $common) -}}
{{- if $auth -}}
{{- $_ := set $trigger "authenticationRef" (dict "name" $auth) -}}
{{- end -}}
{{- $triggers = append $triggers $trigger -}}
{{- end -}}
{{- end -}}
{{- toJson $triggers -}}
{{- end -}}

{{/* KEDA's name of the broker's secret parameters; empty where none is needed. */}}
{{- define "storehand.brokerAuth" -}}
{{- $keda := .Values.broker.keda -}}
{{- $refs := list -}}
{{- $secret := include "storehand.brokerSecret" . -}}
{{- if and (has .Values.broker.type (list "redis" "sentinel")) $keda.address -}}
{{- if $keda.passwordKey -}}
{{- $refs = append $refs (dict "parameter" "password" "name" $secret "key" $keda.passwordKey) -}}
{{- end -}}
{{- if $keda.usernameKey -}}
{{- $refs = append $refs (dict "parameter" "username" "name" $secret "key" $keda.usernameKey) -}}
{{- end -}}
{{- else if and (eq .Values.broker.type "rabbitmq") $keda.hostKey -}}
{{- $refs = append $refs (dict "parameter" "host" "name" $secret "key" $keda.hostKey) -}}
{{- end -}}
{{- toJson $refs -}}
{{- end -}}
