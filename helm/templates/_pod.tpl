{{/* The worker's pod: (dict "root" $ "name" pool's name "pool" pool). */}}
{{- define "storehand.workerPod" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $pool := .pool -}}
{{- $cache := $pool.modelCache -}}
serviceAccountName: {{ include "storehand.serviceAccount" $root | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $pool.is.grace }}
{{- with $pool.priorityClassName }}
priorityClassName: {{ quote . }}
{{- end }}
{{- with $pool.schedulerName }}
schedulerName: {{ quote . }}
{{- end }}
{{- if and $pool.gpu.enabled $pool.gpu.runtimeClassName }}
runtimeClassName: {{ $pool.gpu.runtimeClassName | quote }}
{{- end }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "storehand.podSecurityContext" $root | nindent 2 }}
{{- with $pool.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "storehand.tolerations" . | fromJsonArray }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pool.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pool.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - {{- merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "storehand.selector" (dict "root" $root "component" "worker" "pool" $name) | fromYaml))) | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
{{- $init := concat (include "storehand.prefetchContainers" . | fromJsonArray) $pool.initContainers }}
{{- with $init }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: worker
    image: {{ include "storehand.image" (dict "root" $root "image" $pool.image "gpu" $pool.gpu.enabled) | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ concat (list "worker") $pool.extraArgs | toJson }}
    envFrom:
      - configMapRef:
          name: {{ $pool.is.workload | quote }}
      {{- with $pool.extraEnvFrom }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with include "storehand.env" (dict "root" $root "pool" $name "service" "storehand-worker" "extra" $pool.extraEnv) | trim }}
    env:
      {{- . | nindent 6 }}
    {{- end }}
    ports:
      - name: http
        containerPort: {{ $root.Values.metrics.port }}
        protocol: TCP
    startupProbe:
      httpGet:
        path: /startupz
        port: http
      periodSeconds: {{ $pool.probes.periodSeconds }}
      timeoutSeconds: 5
      failureThreshold: {{ div (add $pool.is.startup (sub (int $pool.probes.periodSeconds) 1)) (int $pool.probes.periodSeconds) }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      periodSeconds: {{ $pool.probes.periodSeconds }}
      timeoutSeconds: 5
      failureThreshold: 2
    livenessProbe:
      httpGet:
        path: /livez
        port: http
      periodSeconds: {{ $pool.probes.periodSeconds }}
      timeoutSeconds: 10
      failureThreshold: 6
    {{- if $pool.drain.preStop }}
    lifecycle:
      preStop:
        exec:
          command: [storehand, drain]
    {{- end }}
    resources:
      {{- include "storehand.resources" $pool | nindent 6 }}
    securityContext:
      {{- toYaml $root.Values.securityContext | nindent 6 }}
    volumeMounts:
      {{- include "storehand.secretMounts" $root | nindent 6 }}
      - name: data
        mountPath: /var/lib/storehand
      - name: tmp
        mountPath: /tmp
      - name: models
        mountPath: {{ $cache.mountPath | quote }}
        {{- if eq $cache.type "image" }}
        readOnly: true
        {{- end }}
      {{- if $pool.shmSize }}
      - name: shm
        mountPath: /dev/shm
      {{- end }}
      {{- with include "storehand.hubToken" (dict "root" $root "pool" $pool "isPrefetch" false) | fromYaml }}
      {{- toYaml (list .mount) | nindent 6 }}
      {{- end }}
      {{- with $pool.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- with $pool.sidecars }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  {{- include "storehand.secretVolumes" $root | trim | nindent 2 }}
  - name: data
    {{- if $pool.dataClaim }}
    persistentVolumeClaim:
      claimName: {{ $pool.dataClaim | quote }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ $pool.dataSize | quote }}
    {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: {{ $pool.tmpSize | quote }}
  - {{- include "storehand.modelVolume" . | nindent 4 }}
  {{- with $pool.shmSize }}
  - name: shm
    emptyDir:
      medium: Memory
      sizeLimit: {{ quote . }}
  {{- end }}
  {{- with include "storehand.hubTokenVolume" $root | fromYaml }}
  - {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pool.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
Annotations of a pod: checksums, so that a change of settings starts it anew; its own; and by default, leave for cluster
autoscalers to take the node away though there are local folders on it: they hold nothing that is not elsewhere.
(dict "root" $ "container" name "config" text "secret" text "own" map)
*/}}
{{- define "storehand.podAnnotations" -}}
{{- $sums := dict "checksum/config" (sha256sum .config) -}}
{{- if .secret -}}
{{- $_ := set $sums "checksum/secret" (sha256sum .secret) -}}
{{- end -}}
{{- $defaults := dict "kubectl.kubernetes.io/default-container" .container -}}
{{- if not (include "storehand.isEmbedded" .root) -}}
{{- $_ := set $defaults "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes" "data,tmp,models,shm" -}}
{{- end -}}
{{- toYaml (merge (dict) $sums (.own | default dict) $defaults) -}}
{{- end -}}

{{/* Resources with the device, which a pod must ask for as a limit. */}}
{{- define "storehand.resources" -}}
{{- $resources := deepCopy (.resources | default dict) -}}
{{- if .gpu.enabled -}}
{{- $device := dict .gpu.resource (.gpu.count | int) -}}
{{- $_ := set $resources "limits" (merge (dict) $device ($resources.limits | default dict)) -}}
{{- $_ := set $resources "requests" (merge (dict) $device ($resources.requests | default dict)) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* The pool's own, and the taint that GPU nodes wear by custom: the name of their resource. */}}
{{- define "storehand.tolerations" -}}
{{- $all := .pool.tolerations -}}
{{- if .pool.gpu.enabled -}}
{{- $taint := ternary "nvidia.com/gpu" .pool.gpu.resource (hasPrefix "nvidia.com/" .pool.gpu.resource) -}}
{{- $all = append $all (dict "key" $taint "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{- define "storehand.modelVolume" -}}
{{- $cache := .pool.modelCache -}}
name: models
{{- if eq $cache.type "pvc" }}
persistentVolumeClaim:
  claimName: {{ include "storehand.modelClaim" . | quote }}
{{- else if eq $cache.type "image" }}
image:
  reference: {{ $cache.image | quote }}
  pullPolicy: {{ .root.Values.image.pullPolicy }}
{{- else if eq $cache.type "hostPath" }}
hostPath:
  path: {{ $cache.hostPath | quote }}
  type: DirectoryOrCreate
{{- else }}
emptyDir:
  sizeLimit: {{ $cache.size | quote }}
{{- end }}
{{- end -}}

{{- define "storehand.modelClaim" -}}
{{- default (include "storehand.object" (dict "root" .root "words" (list .name "models"))) .pool.modelCache.existingClaim -}}
{{- end -}}

{{/*
One container per hub model; the hub's client skips what is there already. It gets the pool's own variables (a proxy, a
token) and volumes (an authority's file), as the worker does; mounts of other volumes the job does not have.
*/}}
{{- define "storehand.prefetchContainers" -}}
{{- $root := .root -}}
{{- $pool := .pool -}}
{{- $containers := list -}}
{{- if $pool.modelCache.prefetch -}}
{{- range $index, $_ := $pool.is.hubModels -}}
{{- $command := list "hf" "download" .model "--revision" .revision -}}
{{- range list "*.safetensors" "*.json" "vocab.txt" "merges.txt" "*.model" "*.tiktoken" "*.jinja" -}}
{{- $command = concat $command (list "--include" .) -}}
{{- end -}}
{{- range list "original/*" "onnx/*" "openvino/*" -}}
{{- $command = concat $command (list "--exclude" .) -}}
{{- end -}}
{{- $env := list (dict "name" "HOME" "value" "/tmp") (dict "name" "HF_HOME" "value" (printf "%s/huggingface" $pool.modelCache.mountPath)) -}}
{{- with $root.Values.huggingFace.endpoint -}}
{{- $env = append $env (dict "name" "HF_ENDPOINT" "value" .) -}}
{{- end -}}
{{- $mounts := list (dict "name" "models" "mountPath" $pool.modelCache.mountPath) (dict "name" "tmp" "mountPath" "/tmp") -}}
{{- with include "storehand.hubToken" (dict "root" $root "pool" $pool "isPrefetch" true) | fromYaml -}}
{{- $env = append $env .env -}}
{{- $mounts = append $mounts .mount -}}
{{- end -}}
{{- $env = concat (include "storehand.without" (list $env $pool.extraEnv) | fromJsonArray) $pool.extraEnv -}}
{{- range $mount := $pool.extraVolumeMounts -}}
{{- range $pool.extraVolumes -}}
{{- if eq .name $mount.name -}}
{{- $mounts = append $mounts $mount -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $container := dict "name" (printf "prefetch-%d-%s" (add1 $index) (kebabcase .role | trunc 40 | trimSuffix "-")) "image" (include "storehand.image" (dict "root" $root "image" $pool.image "gpu" $pool.gpu.enabled)) "imagePullPolicy" $root.Values.image.pullPolicy "command" $command "env" $env "volumeMounts" $mounts "securityContext" $root.Values.securityContext "resources" (dict "requests" (dict "cpu" "250m" "memory" "512Mi") "limits" (dict "memory" "2Gi")) -}}
{{- if $pool.extraEnvFrom -}}
{{- $_ := set $container "envFrom" $pool.extraEnvFrom -}}
{{- end -}}
{{- $containers = append $containers $container -}}
{{- end -}}
{{- end -}}
{{- toJson $containers -}}
{{- end -}}

{{/* (list ours theirs), both with names: ours that theirs do not name again. */}}
{{- define "storehand.without" -}}
{{- $taken := dict -}}
{{- range index . 1 -}}
{{- $_ := set $taken .name true -}}
{{- end -}}
{{- $kept := list -}}
{{- range index . 0 -}}
{{- if not (hasKey $taken .name) -}}
{{- $kept = append $kept . -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}

{{/* Mount and variable of the hub's token, where models are downloaded: by the prefetch, else by the worker. */}}
{{- define "storehand.hubToken" -}}
{{- if .root.Values.huggingFace.existingSecret -}}
{{- if or .isPrefetch (and .pool.is.hubModels (not .pool.modelCache.prefetch)) -}}
env:
  name: HF_TOKEN_PATH
  value: /etc/storehand/hub/token
mount:
  name: hub-token
  mountPath: /etc/storehand/hub
  readOnly: true
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "storehand.hubTokenVolume" -}}
{{- if .Values.huggingFace.existingSecret -}}
name: hub-token
secret:
  secretName: {{ .Values.huggingFace.existingSecret | quote }}
  defaultMode: 0440
  items:
    - key: {{ .Values.huggingFace.secretKey | quote }}
      path: token
{{- end -}}
{{- end -}}
