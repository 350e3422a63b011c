{{/* What KEDA and HPA share. */}}

{{/* Up by 100 % or 4 pods each 15 s at once; down by one pod per cold start, after twice that: a pod that goes too early
costs a cold start to come back. Kubernetes allows periods up to 1800 s and windows up to 3600 s. */}}
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
    - type: Pods
      value: 4
      periodSeconds: 15
scaleDown:
  stabilizationWindowSeconds: {{ min 3600 (max 300 (mul 2 (int .is.cold))) }}
  policies:
    - type: Pods
      value: 1
      periodSeconds: {{ min 1800 (max 60 (int .is.cold)) }}
{{- end -}}
{{- end -}}

{{/* An identifier for a formula; two queues never have the same. */}}
{{- define "storehand.identifier" -}}
{{- regexReplaceAll "[^A-Za-z0-9_]" (replace "_" "__" .) "_" -}}
{{- end -}}

{{/*
Triggers that ask the broker itself; empty where KEDA was told no address:
(dict "root" $ "pool" pool "auth" name). In a Redis what is in hand stands in one hash for all pools; see brokerFormula.
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
{{- else if and (eq $type "rabbitmq") (or $keda.hostKey $keda.authenticationRef) -}}
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
{{- $name := printf "q_%s" (include "storehand.identifier" (trimPrefix (printf "%s." $root.Values.queuePrefix) $queue)) -}}
{{- $trigger := dict "type" $kind "name" $name "metadata" (merge (dict) $where $common) -}}
{{- if $auth -}}
{{- $_ := set $trigger "authenticationRef" (dict "name" $auth) -}}
{{- end -}}
{{- $triggers = append $triggers $trigger -}}
{{- end -}}
{{- end -}}
{{- toJson $triggers -}}
{{- end -}}

{{/*
Workers by the broker's own figures: (ready + in hand) / slots, and nil unless all of them are known: a part would scale
in. What is in hand is told for all pools together; each gets the share that it has of all slots at their most pods.
(dict "pools" pools "pool" pool "triggers" triggers)
*/}}
{{- define "storehand.brokerFormula" -}}
{{- $slots := float64 .pool.slots -}}
{{- $all := 0.0 -}}
{{- range .pools -}}
{{- $all = addf $all (mulf (float64 .slots) (float64 (max 1 .is.max))) -}}
{{- end -}}
{{- $share := round (divf (mulf $slots (float64 (max 1 .pool.is.max))) $all) 4 -}}
{{- $known := list -}}
{{- $sum := list -}}
{{- range .triggers -}}
{{- $known = append $known (printf "%s != nil" .name) -}}
{{- $sum = append $sum (ternary (printf "%s * %s" (toJson $share) .name) .name (eq .name "q_unacked")) -}}
{{- end -}}
{{- printf "(%s ? (%s) / %d : nil)" (join " && " $known) (join " + " $sum) (int .pool.slots) -}}
{{- end -}}

{{/* KEDA's name of the broker's secret parameters; empty where none is needed, or where a user brings his own. */}}
{{- define "storehand.brokerAuth" -}}
{{- $keda := .Values.broker.keda -}}
{{- $refs := list -}}
{{- $secret := include "storehand.brokerSecret" . -}}
{{- $tls := .Values.broker.tls -}}
{{- if $keda.authenticationRef -}}
{{- else if and (has .Values.broker.type (list "redis" "sentinel")) $keda.address -}}
{{- if and $keda.tls $tls.existingSecret -}}
{{- range $parameter, $key := dict "ca" $tls.caKey "cert" $tls.certKey "key" $tls.keyKey -}}
{{- if $key -}}
{{- $refs = append $refs (dict "parameter" $parameter "name" $tls.existingSecret "key" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
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
