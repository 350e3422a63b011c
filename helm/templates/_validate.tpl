{{/*
What the chart refuses to render, and what to change. One template per refusal; each gets (dict "root" $ "pools" pools)
and writes one sentence per line, or nothing.
*/}}

{{- define "storehand.validate" -}}
{{- $pools := include "storehand.pools" . | fromJson -}}
{{- $context := dict "root" . "pools" $pools "embedded" (eq .Values.broker.type "embedded") "production" (eq .Values.profile "production") -}}
{{- $found := list -}}
{{- range $refusal := include "storehand.refusals" . | fromYamlArray -}}
{{- range $line := splitList "\n" (include (printf "storehand.refuse.%s" $refusal) $context) -}}
{{- if trim $line -}}
{{- $found = append $found (printf "- %s [%s]" (trim $line) $refusal) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "\n\nThese values can't be installed:\n%s\n" (join "\n" $found)) -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refusals" -}}
- noPools
- poolName
- noBroker
- noStore
- embeddedShared
- plainUrl
- noQueues
- unservedFamily
- sharedFamily
- missingPlugin
- ownedSetting
- secretInSettings
- ownedVariable
- ownedArgument
- halfCertificate
- unusedCertificate
- timeLimits
- grace
- visibility
- consumerTimeout
- startup
- replicasAndAutoscaling
- minOverMax
- scaleToZero
- slots
- blindScaler
- scrape
- twoScalers
- kedaTls
- missingApi
- sharedMemory
- migResource
- gpuDigest
- modelCache
- hostPath
- unpinnedModel
- unsignedMessages
- sharedDataClaim
- production
{{- end -}}

{{- define "storehand.refuse.noPools" -}}
{{- if not .pools -}}
pools is empty, so nothing would work: name at least one, for example --set 'pools.all.queues={text,encoder,default}'.
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.poolName" -}}
{{- range $name, $pool := .pools -}}
{{- if or (eq $name "exporter") (hasSuffix "-placeholder" $name) (hasPrefix "dashboard-" $name) }}
pools.{{ $name }} would take the name of another object of the chart: call it something else.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.noBroker" -}}
{{- if and (not .embedded) (not (include "storehand.brokerSecret" .root)) -}}
broker.existingSecret is empty: make a secret with the broker's URL under the key {{ .root.Values.broker.secretKey }} and name it there; to try Storehand out in one pod, set broker.type=embedded and exporter.enabled=false.
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.noStore" -}}
{{- $v := .root.Values -}}
{{- if and (not .embedded) (not $v.store.existingSecret) (not $v.store.url) (not $v.broker.existingSecret) -}}
there is no job store: set store.existingSecret (a secret with redis:// or postgresql:// under the key {{ $v.store.secretKey }}); each pod would otherwise keep the jobs in a SQLite file of its own and lose them with the pod.
{{- end -}}
{{- range $side, $url := dict "store.url" $v.store.url "broker.url" $v.broker.url -}}
{{- if and (not $.embedded) (regexMatch "^(sqlite|embedded):" $url) }}
{{ $side }} is a file in one pod ({{ regexFind "^[a-z]+" $url }}://), which other pods can't see: use a server, or broker.type=embedded with one pool of one replica.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.embeddedShared" -}}
{{- if .embedded -}}
{{- if gt (len .pools) 1 }}
broker.type=embedded is a file in one pod, and there are {{ len .pools }} pools: leave one, or use redis or rabbitmq.
{{- end -}}
{{- range $name, $pool := .pools -}}
{{- if or (gt (int $pool.is.max) 1) (ne $pool.autoscaling.mode "none") }}
pools.{{ $name }} has more than one pod, and broker.type=embedded is a file in one: set replicas to 1 and autoscaling.mode to none, or use redis or rabbitmq.
{{- end -}}
{{- end -}}
{{- if .root.Values.exporter.enabled }}
the exporter can't read the embedded queue's file in another pod: set exporter.enabled=false (the worker tells its own metrics), or use redis or rabbitmq.
{{- end -}}
{{- if or .root.Values.broker.url .root.Values.broker.existingSecret .root.Values.store.url .root.Values.store.existingSecret }}
broker.type=embedded, and yet URLs or secrets of a broker or store are set: unset them, or say which broker it is.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.plainUrl" -}}
{{- range $side, $each := dict "broker" .root.Values.broker "store" .root.Values.store -}}
{{- if and $.production $each.url }}
profile=production, and {{ $side }}.url stands in the values, where Helm and everybody who reads the release sees its password: put it into a secret and name that in {{ $side }}.existingSecret.
{{- end -}}
{{- if and $each.url (not $each.existingSecret) (or (dig "keda" "passwordKey" "" $each) (dig "keda" "usernameKey" "" $each) (dig "keda" "hostKey" "" $each)) }}
{{ $side }}.keda names keys of a secret of yours, and with {{ $side }}.url the chart makes one that has none of them: use {{ $side }}.existingSecret.
{{- end -}}
{{- if and $each.url $each.existingSecret }}
{{ $side }}.url and {{ $side }}.existingSecret are both set: unset one.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.noQueues" -}}
{{- range $name, $pool := .pools -}}
{{- if not $pool.queues }}
pools.{{ $name }}.queues is empty: name the families it serves, for example [text].
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.unservedFamily" -}}
{{- $served := list -}}
{{- range .pools -}}
{{- $served = concat $served .queues -}}
{{- end -}}
{{- if .pools -}}
{{- range $task, $family := include "storehand.routes" .root | fromJson -}}
{{- if not (has $family $served) }}
routes sends {{ $task }} to the family {{ $family }}, which no pool serves, so its jobs would wait for ever: add {{ $family }} to a pool's queues, or set routes.{{ $task }} to null if nobody submits it.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.sharedFamily" -}}
{{- if not .root.Values.allowSharedQueues -}}
{{- $first := dict -}}
{{- range $name, $pool := .pools -}}
{{- range $family := $pool.queues -}}
{{- if hasKey $first $family }}
the family {{ $family }} is served by pools.{{ get $first $family }} and pools.{{ $name }}: each would be scaled for all of its jobs. Leave it in one, or set allowSharedQueues=true.
{{- else -}}
{{- $_ := set $first $family $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.missingPlugin" -}}
{{- $bundled := list "chat" "copy" "description" "recommendation" "sentiment" -}}
{{- $routes := include "storehand.routes" .root | fromJson -}}
{{- range $name, $pool := .pools -}}
{{- if $pool.plugins -}}
{{- range $task, $family := $routes -}}
{{- if and (has $family $pool.queues) (has $task $bundled) (not (has $task $pool.plugins)) }}
pools.{{ $name }} serves the family {{ $family }}, to which routes sends {{ $task }}, but does not load its plugin, so these jobs would fail: add {{ $task }} to its plugins, leave plugins empty, or give {{ $task }} a family of its own.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Settings that have a value of their own in the chart: setting -> value. */}}
{{- define "storehand.owners" -}}
{{- toJson (dict "queues" "queues" "plugins" "plugins" "models" "models" "concurrency" "concurrency" "wait_objective_s" "slo.waitSeconds" "time_limit_s" "timeLimitSeconds" "soft_time_limit_s" "softTimeLimitSeconds" "drain_s" "drain.seconds" "visibility_s" "broker.visibilitySeconds" "http_host" "the pod's own address" "http_port" "metrics.port" "data_dir" "dataClaim and dataSize" "pools" "pools" "routes" "routes" "queue_prefix" "queuePrefix" "log_format" "log.format" "log_level" "log.level" "tracing" "tracing.enabled" "require_signature" "signing.required" "broker_master_name" "broker.masterName") -}}
{{- end -}}

{{- define "storehand.refuse.ownedSetting" -}}
{{- $owners := include "storehand.owners" . | fromJson -}}
{{- $places := dict "settings" (.root.Values.settings | default dict) -}}
{{- range $name, $pool := .pools -}}
{{- $_ := set $places (printf "pools.%s.settings" $name) $pool.settings -}}
{{- end -}}
{{- range $place, $settings := $places -}}
{{- range $key, $_ := $settings -}}
{{- if hasKey $owners $key }}
{{ $place }}.{{ $key }} is the chart's own: set {{ get $owners $key }} instead.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Settings that are secrets: setting -> value. */}}
{{- define "storehand.secretOwners" -}}
{{- toJson (dict "broker_url" "broker.existingSecret" "store_url" "store.existingSecret" "signing_keys" "signing.existingSecret" "payload_url" "payloads.existingSecret") -}}
{{- end -}}

{{- define "storehand.refuse.secretInSettings" -}}
{{- $secrets := include "storehand.secretOwners" . | fromJson -}}
{{- $places := dict "settings" (.root.Values.settings | default dict) -}}
{{- range $name, $pool := .pools -}}
{{- $_ := set $places (printf "pools.%s.settings" $name) $pool.settings -}}
{{- end -}}
{{- range $place, $settings := $places -}}
{{- range $key, $_ := $settings -}}
{{- if hasKey $secrets $key }}
{{ $place }}.{{ $key }} would stand readable in a config map: put it into a secret and name that in {{ get $secrets $key }}.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A variable of extraEnv goes before the ConfigMap, and would pass by every refusal. */}}
{{- define "storehand.refuse.ownedVariable" -}}
{{- $owners := include "storehand.owners" . | fromJson -}}
{{- $secrets := include "storehand.secretOwners" . | fromJson -}}
{{- $places := dict "exporter" .root.Values.exporter.extraEnv -}}
{{- range $name, $pool := .pools -}}
{{- $_ := set $places (printf "pools.%s" $name) $pool.extraEnv -}}
{{- end -}}
{{- range $place, $variables := $places -}}
{{- range $variable := $variables -}}
{{- $setting := lower (trimPrefix "STOREHAND_" (toString $variable.name)) -}}
{{- if hasPrefix "STOREHAND_" (toString $variable.name) -}}
{{- if hasKey $owners $setting }}
{{ $place }}.extraEnv has {{ $variable.name }}, which is the chart's own: set {{ get $owners $setting }} instead.
{{- end -}}
{{- if and (hasKey $secrets $setting) $variable.value }}
{{ $place }}.extraEnv has {{ $variable.name }} with its value, which would stand readable in the Deployment: put it into a secret and name that in {{ get $secrets $setting }}.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.ownedArgument" -}}
{{- range $name, $pool := .pools -}}
{{- range $argument := $pool.extraArgs -}}
{{- if regexMatch "^(-c|-Q|--concurrency|--queues)(=|$)|^-[cQ][^-]" $argument }}
pools.{{ $name }}.extraArgs has {{ $argument }}, which is the chart's own: set {{ ternary "queues" "concurrency" (regexMatch "^(-Q|--queues)" $argument) }} instead.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.halfCertificate" -}}
{{- range $side, $tls := dict "broker" .root.Values.broker.tls "store" .root.Values.store.tls -}}
{{- if and $tls.existingSecret (ne (empty $tls.certKey) (empty $tls.keyKey)) }}
{{ $side }}.tls has certKey={{ $tls.certKey | quote }} and keyKey={{ $tls.keyKey | quote }}: a client's certificate and its private key belong together. Name both, or none.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.unusedCertificate" -}}
{{- range $side, $each := dict "broker" .root.Values.broker "store" .root.Values.store -}}
{{- if and $each.tls.existingSecret $.embedded }}
{{ $side }}.tls names certificates, and broker.type=embedded has no server to show them to: leave {{ $side }}.tls.existingSecret empty.
{{- else if and $each.tls.existingSecret (regexMatch "^(redis|amqp|redis\\+socket|unix):" $each.url) }}
{{ $side }}.tls names certificates, and {{ $side }}.url begins with {{ regexFind "^[a-z+]+" $each.url }}://, which is not encrypted: use {{ ternary "rediss://, sentinel:// or postgresql://" "rediss://, amqps:// or sentinel://" (eq $side "store") }}, or leave {{ $side }}.tls.existingSecret empty.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.timeLimits" -}}
{{- range $name, $pool := .pools -}}
{{- if gt (float64 $pool.is.softLimit) (float64 $pool.timeLimitSeconds) }}
pools.{{ $name }}: softTimeLimitSeconds ({{ $pool.softTimeLimitSeconds }}) is over timeLimitSeconds ({{ $pool.timeLimitSeconds }}): a job is asked to stop before it is given up; lower it, or leave it empty.
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The worker lets jobs run for its drain, hands back the rest, and may need 13 s more until it is gone (last_call.py: 12 s
to close engines and connections, and what it takes to notice). The hook starts a Python first. 15 s are the least.
*/}}
{{- define "storehand.refuse.grace" -}}
{{- range $name, $pool := .pools -}}
{{- $least := ceil (addf (float64 $pool.is.drain) 15.0) | int -}}
{{- if lt (int $pool.is.grace) $least }}
pools.{{ $name }}.drain.graceSeconds is {{ $pool.is.grace }}, and a worker needs up to {{ $least }} s to leave (its drain of {{ $pool.is.drain }} s{{ if eq $pool.drain.policy "finish" }}, which with drain.policy=finish is the job's time limit,{{ end }} and 15 s): Kubernetes would kill it at work. Raise graceSeconds, leave it empty, or lower {{ ternary "timeLimitSeconds" "drain.seconds" (eq $pool.drain.policy "finish") }}.
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A worker renews what it holds three times per visibility, so a third of it is gone when a renewal begins; one that hangs
ends after 16 s (10 s without an answer, 5 s to connect, 1 s of pause). visibility - visibility / 3 >= 16 s: 24 s, and 30 s
with clocks that differ. It has nothing to do with how long jobs run.
*/}}
{{- define "storehand.refuse.visibility" -}}
{{- if and (has .root.Values.broker.type (list "redis" "sentinel")) (lt (float64 .root.Values.broker.visibilitySeconds) 30.0) -}}
broker.visibilitySeconds is {{ .root.Values.broker.visibilitySeconds }}: one slow answer of Redis, and messages in hand would be given to a second worker. Set 30 or more; how long jobs run does not matter, since workers renew.
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.consumerTimeout" -}}
{{- if eq .root.Values.broker.type "rabbitmq" -}}
{{- range $name, $pool := .pools -}}
{{- $held := addf (float64 $pool.timeLimitSeconds) (float64 $pool.is.drain) -}}
{{- if ge $held (float64 $.root.Values.broker.consumerTimeoutSeconds) }}
pools.{{ $name }} may hold a message for {{ $held }} s (time limit and drain), and RabbitMQ cuts off who holds one for {{ $.root.Values.broker.consumerTimeoutSeconds }} s: lower timeLimitSeconds, or raise consumer_timeout in rabbitmq.conf and say so in broker.consumerTimeoutSeconds.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.startup" -}}
{{- range $name, $pool := .pools -}}
{{- if lt (int $pool.is.startup) (int $pool.is.cold) }}
pools.{{ $name }}.probes.startupSeconds is {{ $pool.is.startup }}, less than its cold start of {{ $pool.is.cold }} s: every pod would be killed while it loads. Raise it, or leave it empty.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.replicasAndAutoscaling" -}}
{{- range $name, $pool := .pools -}}
{{- if and (ne $pool.autoscaling.mode "none") (not (kindIs "invalid" $pool.replicas)) }}
pools.{{ $name }} has replicas={{ $pool.replicas }} and autoscaling.mode={{ $pool.autoscaling.mode }}: every upgrade would throw the number of pods back. Unset replicas, or set the mode to none.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.minOverMax" -}}
{{- range $name, $pool := .pools -}}
{{- if ne $pool.autoscaling.mode "none" -}}
{{- if gt (int $pool.autoscaling.min) (int $pool.autoscaling.max) }}
pools.{{ $name }}.autoscaling.min ({{ $pool.autoscaling.min }}) is over its max ({{ $pool.autoscaling.max }}).
{{- end -}}
{{- if and (eq (int $pool.autoscaling.min) 0) (not $pool.autoscaling.scaleToZero) }}
pools.{{ $name }}.autoscaling.min is 0, which takes the last worker away: set scaleToZero=true if that is meant, else min=1.
{{- end -}}
{{- $fallback := $pool.autoscaling.fallback.replicas -}}
{{- if not (kindIs "invalid" $fallback) -}}
{{- if gt (int $fallback) (int $pool.autoscaling.max) }}
pools.{{ $name }}.autoscaling.fallback.replicas ({{ $fallback }}) is over its max ({{ $pool.autoscaling.max }}).
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.scaleToZero" -}}
{{- range $name, $pool := .pools -}}
{{- if $pool.autoscaling.scaleToZero -}}
{{- if ne $pool.autoscaling.mode "keda" }}
pools.{{ $name }}.autoscaling.scaleToZero needs mode=keda: a plain HPA keeps one pod, and nobody brings back a pool of replicas.
{{- end -}}
{{- if not $.root.Values.exporter.enabled }}
pools.{{ $name }}.autoscaling.scaleToZero needs the exporter: without workers nobody else sees that jobs wait. Set exporter.enabled=true.
{{- end -}}
{{- if le (float64 $pool.is.shortestWait) (float64 $pool.coldStartSeconds) }}
pools.{{ $name }} promises a start within {{ $pool.is.shortestWait }} s and needs {{ $pool.coldStartSeconds }} s to come up from nothing, so the first job after every pause would be late: set scaleToZero=false, raise slo.waitSeconds, or shorten the cold start (modelCache).
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.slots" -}}
{{- range $name, $pool := .pools -}}
{{- if gt (int $pool.slots) (int $pool.concurrency) }}
pools.{{ $name }}.slots ({{ $pool.slots }}) is over its concurrency ({{ $pool.concurrency }}): a worker would never have so many jobs in hand, and the pool would be scaled for it. Raise concurrency, or lower slots.
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The rule takes rates over 2 minutes, which needs two samples at least. */}}
{{- define "storehand.refuse.scrape" -}}
{{- $monitor := .root.Values.metrics.podMonitor -}}
{{- if $monitor.enabled -}}
{{- $every := trimSuffix "s" $monitor.interval | int -}}
{{- if gt $every 60 }}
metrics.podMonitor.interval is {{ $monitor.interval }}, and the scaling rule looks back 2 minutes: it would see nothing. Set 60s or less, better 15s.
{{- end -}}
{{- if gt (trimSuffix "s" $monitor.scrapeTimeout | int) $every }}
metrics.podMonitor.scrapeTimeout ({{ $monitor.scrapeTimeout }}) is over the interval ({{ $monitor.interval }}), which Prometheus refuses: lower it.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.blindScaler" -}}
{{- if and .root.Values.metrics.rules.enabled (not .root.Values.exporter.enabled) }}
metrics.rules.enabled=true without the exporter, whose figures the rules look at: set exporter.enabled=true, or the rules to false.
{{- end -}}
{{- range $name, $pool := .pools -}}
{{- if and (has $pool.autoscaling.mode (list "keda" "hpa")) (not $.root.Values.exporter.enabled) }}
pools.{{ $name }}.autoscaling.mode={{ $pool.autoscaling.mode }} scales by what the exporter tells: set exporter.enabled=true.
{{- end -}}
{{- if and (eq $pool.autoscaling.mode "keda") (not $.root.Values.keda.prometheusAddress) }}
pools.{{ $name }}.autoscaling.mode=keda needs keda.prometheusAddress, for example http://prometheus-operated.monitoring.svc:9090.
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Our own modes exclude each other; a second scaler can only come from outside. */}}
{{- define "storehand.refuse.twoScalers" -}}
{{- range $object := .root.Values.extraObjects -}}
{{- $text := ternary $object (toYaml $object) (kindIs "string" $object) -}}
{{- range $kind := list "HorizontalPodAutoscaler" "ScaledObject" -}}
{{- if regexMatch (printf "(?m)^kind: *[\"']?%s[\"']? *$" $kind) $text -}}
{{- range $name, $pool := $.pools -}}
{{- if and (ne $pool.autoscaling.mode "none") (regexMatch (printf "(?m)^ *name: *[\"']?%s[\"']? *$" (regexQuoteMeta $pool.is.workload)) $text) }}
pools.{{ $name }} has autoscaling.mode={{ $pool.autoscaling.mode }}, and extraObjects brings a {{ $kind }} for the same Deployment: two scalers would fight over it. Leave one.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* KEDA connects before it makes the HPA: a trigger that can't connect switches off all of them. */}}
{{- define "storehand.refuse.kedaTls" -}}
{{- $broker := .root.Values.broker -}}
{{- if and (has $broker.type (list "redis" "sentinel")) $broker.keda.address (not $broker.keda.tls) (or $broker.tls.existingSecret (hasPrefix "rediss://" $broker.url)) -}}
broker.keda.address would be asked without TLS, and the broker is encrypted: KEDA could not connect, and would then make no HPA at all. Set broker.keda.tls=true, or leave the address empty.
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.missingApi" -}}
{{- if .root.Values.requireApis -}}
{{- range $api, $what := include "storehand.missingApis" . | fromJson }}
the cluster does not know {{ $api }}, which {{ $what }} needs: install it, or turn that off (or set requireApis=false).
{{- end -}}
{{- end -}}
{{- end -}}

{{/* API -> who asks for it, of those that the cluster does not have. */}}
{{- define "storehand.missingApis" -}}
{{- $asked := dict -}}
{{- range $name, $pool := .pools -}}
{{- if eq $pool.autoscaling.mode "keda" -}}
{{- $_ := set $asked "keda.sh/v1alpha1" "autoscaling.mode=keda" -}}
{{- else if eq $pool.autoscaling.mode "hpa" -}}
{{- $_ := set $asked "external.metrics.k8s.io/v1beta1" "autoscaling.mode=hpa" -}}
{{- end -}}
{{- end -}}
{{- if or .root.Values.metrics.podMonitor.enabled .root.Values.metrics.rules.enabled -}}
{{- $_ := set $asked "monitoring.coreos.com/v1" "metrics.podMonitor or metrics.rules" -}}
{{- end -}}
{{- $missing := dict -}}
{{- range $api, $what := $asked -}}
{{- if not ($.root.Capabilities.APIVersions.Has $api) -}}
{{- $_ := set $missing $api $what -}}
{{- end -}}
{{- end -}}
{{- toJson $missing -}}
{{- end -}}

{{/*
Worst case on one shared device: as many pods as it takes (shares), of those that need most. Per device the pods' memory,
each pool's up to its most pods, sorted as texts of equal width.
*/}}
{{- define "storehand.refuse.sharedMemory" -}}
{{- range $device, $about := .root.Values.gpuDevices -}}
{{- $needs := list -}}
{{- range $name, $pool := $.pools -}}
{{- if and $pool.gpu.enabled (has $pool.gpu.sharing (list "timeslice" "mps")) (eq $pool.gpu.device $device) $pool.gpu.memoryGiB -}}
{{- range until (min (int $about.shares) (max 1 (int $pool.is.max)) | int) -}}
{{- $needs = append $needs (printf "%012.3f" (float64 $pool.gpu.memoryGiB)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $sum := 0.0 -}}
{{- range $index, $need := reverse (sortAlpha $needs) -}}
{{- if lt $index (int $about.shares) -}}
{{- $sum = addf $sum (float64 (trimAll " " $need)) -}}
{{- end -}}
{{- end -}}
{{- if gt $sum (float64 $about.memoryGiB) }}
gpuDevices.{{ $device }} has {{ $about.memoryGiB }} GiB, and the {{ $about.shares }} pods it takes may want {{ $sum }} GiB: time slices keep no pod from another's memory. Lower gpu.memoryGiB or shares, or use MIG.
{{- end -}}
{{- end -}}
{{- range $name, $pool := .pools -}}
{{- if and $pool.gpu.enabled (has $pool.gpu.sharing (list "timeslice" "mps")) -}}
{{- if or (not $pool.gpu.memoryGiB) (not (hasKey $.root.Values.gpuDevices $pool.gpu.device)) }}
pools.{{ $name }}.gpu.sharing={{ $pool.gpu.sharing }} isolates no memory: say how much this pool may use (gpu.memoryGiB) of which device (gpu.device, an entry of gpuDevices).
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.migResource" -}}
{{- range $name, $pool := .pools -}}
{{- if $pool.gpu.enabled -}}
{{- if and (eq $pool.gpu.sharing "mig") (not (regexMatch "/mig-[0-9]+g\\.[0-9]+gb" $pool.gpu.resource)) }}
pools.{{ $name }}.gpu.sharing=mig, but gpu.resource is {{ $pool.gpu.resource }}, a whole device: name the profile, for example nvidia.com/mig-1g.10gb.
{{- end -}}
{{- if and (ne $pool.gpu.sharing "mig") (regexMatch "/mig-" $pool.gpu.resource) }}
pools.{{ $name }}.gpu.resource is {{ $pool.gpu.resource }}: say so with gpu.sharing=mig.
{{- end -}}
{{- if and (eq $pool.gpu.sharing "mig") (gt (int $pool.gpu.count) 1) }}
pools.{{ $name }}.gpu.count is {{ $pool.gpu.count }} with sharing=mig, and a process sees one slice only: ask for one of a larger profile, or have more pods.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The images for CPUs and for GPUs are two, and so are their digests. */}}
{{- define "storehand.refuse.gpuDigest" -}}
{{- if and .root.Values.image.digest (not .root.Values.image.gpuDigest) -}}
{{- range $name, $pool := .pools -}}
{{- $own := $pool.image -}}
{{- if and $pool.gpu.enabled (not $own.repository) (not $own.tag) (not $own.digest) }}
pools.{{ $name }} has a GPU, and image.digest is the digest of the image without CUDA: set image.gpuDigest too (to the same, where one image serves all).
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.modelCache" -}}
{{- range $name, $pool := .pools -}}
{{- $cache := $pool.modelCache -}}
{{- if eq $cache.type "image" -}}
{{- if not $cache.image }}
pools.{{ $name }}.modelCache.type=image needs modelCache.image, the reference of the OCI image.
{{- end -}}
{{- if not (semverCompare ">=1.35.0-0" $.root.Capabilities.KubeVersion.Version) }}
pools.{{ $name }}.modelCache.type=image needs Kubernetes 1.35 or newer (here {{ $.root.Capabilities.KubeVersion.Version }}): an older one drops the volume in silence. Use pvc or emptyDir.
{{- end -}}
{{- if $cache.prefetch }}
pools.{{ $name }}.modelCache.prefetch can't write into an image: bake the models in, or use pvc or emptyDir.
{{- end -}}
{{- end -}}
{{- if has (clean $cache.mountPath) (list "/" "/dev" "/dev/shm" "/etc" "/etc/storehand" "/opt" "/opt/storehand" "/tmp" "/usr" "/var" "/var/lib" "/var/lib/storehand") }}
pools.{{ $name }}.modelCache.mountPath={{ $cache.mountPath }} would hide what lies there: take a folder of its own, for example /model-cache.
{{- end -}}
{{- if and (eq $cache.type "hostPath") (not $cache.hostPath) }}
pools.{{ $name }}.modelCache.type=hostPath needs modelCache.hostPath, a folder of the node.
{{- end -}}
{{- if and (eq $cache.type "pvc") (not $cache.existingClaim) (has $cache.accessMode (list "ReadWriteOnce" "ReadWriteOncePod")) (gt (int $pool.is.max) 1) }}
pools.{{ $name }} may have {{ $pool.is.max }} pods, and its claim's access mode is {{ $cache.accessMode }}: pods on a second node would hang. Use ReadWriteMany, emptyDir with prefetch, or one pod.
{{- end -}}
{{- if and $cache.prefetch (not $pool.is.hubModels) }}
pools.{{ $name }}.modelCache.prefetch has nothing to fetch: no role of models is bound to a hub model (owner/name).
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.hostPath" -}}
{{- if eq .root.Values.podSecurity "restricted" -}}
{{- range $name, $pool := .pools -}}
{{- if eq $pool.modelCache.type "hostPath" }}
pools.{{ $name }}.modelCache.type=hostPath is refused by restricted pod security: use pvc or image, or set podSecurity=privileged for a namespace that admits it.
{{- end -}}
{{- range $pool.extraVolumes -}}
{{- if hasKey . "hostPath" }}
pools.{{ $name }}.extraVolumes has the host path {{ .name }}, which restricted pod security refuses: use another volume, or set podSecurity=privileged.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.unpinnedModel" -}}
{{- range $name, $pool := .pools -}}
{{- range $pool.is.hubModels -}}
{{- if not (regexMatch "^[0-9a-f]{40}$" .revision) }}
pools.{{ $name }}: the role {{ .role }} is bound to {{ .model }} without a commit, so what it does could change overnight, and the worker would refuse to start: set models.{{ .role }}.revision to its 40 digits.
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.unsignedMessages" -}}
{{- if and .root.Values.signing.required (not .root.Values.signing.existingSecret) -}}
signing.required=true without signing.existingSecret: workers have no key to check with and would not start. Name the secret with the keys.
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.sharedDataClaim" -}}
{{- range $name, $pool := .pools -}}
{{- if and $pool.dataClaim (gt (int $pool.is.max) 1) }}
pools.{{ $name }}.dataClaim is one folder for {{ $pool.is.max }} pods, and a data folder belongs to one worker: leave it empty, or have one pod.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.refuse.production" -}}
{{- if .production -}}
{{- $v := .root.Values -}}
{{- if .embedded }}
profile=production with broker.type=embedded: one pod's files are no place for a shop's jobs. Use redis or rabbitmq, and a store.
{{- end -}}
{{- if not $v.networkPolicy.enabled }}
profile=production with networkPolicy.enabled=false: metrics and probes have no password. Turn it on.
{{- end -}}
{{- if not $v.exporter.enabled }}
profile=production with exporter.enabled=false: nobody would see that jobs wait. Turn it on.
{{- end -}}
{{- if not $v.podSecurityContext.runAsNonRoot }}
profile=production with podSecurityContext.runAsNonRoot off: set it to true.
{{- end -}}
{{- if not $v.securityContext.readOnlyRootFilesystem }}
profile=production with securityContext.readOnlyRootFilesystem off: set it to true; /tmp and the data folder can be written.
{{- end -}}
{{- if or $v.securityContext.privileged $v.securityContext.allowPrivilegeEscalation }}
profile=production with a privileged container: set securityContext.privileged and allowPrivilegeEscalation to false.
{{- end -}}
{{- if not (has "ALL" ((($v.securityContext.capabilities | default dict).drop) | default list)) }}
profile=production without securityContext.capabilities.drop=[ALL]: set it.
{{- end -}}
{{- $images := list (include "storehand.image" (dict "root" .root "image" $v.exporter.image "gpu" false)) -}}
{{- range $name, $pool := .pools -}}
{{- $images = append $images (include "storehand.image" (dict "root" $.root "image" $pool.image "gpu" $pool.gpu.enabled)) -}}
{{- end -}}
{{- range $image := uniq $images -}}
{{- if regexMatch ":(latest|main|master|edge|nightly)(-[a-z]+)?$" $image }}
profile=production with the image {{ $image }}, whose tag moves: name a version or a digest.
{{- end -}}
{{- end -}}
{{- if $v.settings.remote_control | default "safe" | eq "all" }}
profile=production with settings.remote_control=all: whoever may write to the broker could stop the workers. Use safe or none.
{{- end -}}
{{- end -}}
{{- end -}}
