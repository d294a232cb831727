{{/* The pod of a Deployment or StatefulSet. */}}

{{- define "longshore-common.pod" -}}
metadata:
  annotations:
    checksum/config: {{ dict "config" .Values.config "files" .Values.files | toJson | sha256sum }}
    {{- if (.Values.secret).create }}
    checksum/secret: {{ .Values.secret.values | toJson | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "longshore-common.podLabels" . | nindent 4 }}
spec:
  serviceAccountName: {{ include "longshore-common.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Without it every Service of the namespace becomes a set of variables, and some are named like ours.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "longshore-common.podSecurityContext" . | nindent 4 }}
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  {{- if (.Values.persistence).passwordFollowsSecret }}
  initContainers:
    - {{ include "longshore-common.passwordContainer" . | nindent 6 | trim }}
  {{- end }}
  containers:
    - {{ include "longshore-common.container" . | nindent 6 | trim }}
  {{- with include "longshore-common.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  {{- range $field := list "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" }}
  {{- with index $.Values $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "longshore-common.container" -}}
name: {{ include "longshore-common.name" . }}
image: {{ include "longshore-common.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "longshore-common.containerSecurityContext" . | nindent 2 }}
ports:
  - name: {{ .Values.service.portName }}
    containerPort: {{ int .Values.containerPort }}
    protocol: TCP
{{- include "longshore-common.environment" . }}
{{- include "longshore-common.probes" . }}
{{- if and (gt (int .Values.preStopSleepSeconds) 0) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
# Requests arrive until every node has heard that the pod leaves.
lifecycle:
  preStop:
    sleep:
      seconds: {{ int .Values.preStopSleepSeconds }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- with include "longshore-common.volumeMounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "longshore-common.environment" -}}
{{- if .Values.config }}
envFrom:
  - configMapRef:
      name: {{ include "longshore-common.fullname" . }}
{{- end }}
{{- with include "longshore-common.secretEnv" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "longshore-common.probes" -}}
{{- $root := . -}}
{{- range $kind := list "startup" "liveness" "readiness" }}
{{- with index $root.Values.probes $kind }}
{{- if ne .enabled false }}
{{ $kind }}Probe:
  {{- if .command }}
  exec:
    command:
      {{- toYaml .command | nindent 6 }}
  {{- else }}
  httpGet:
    path: {{ required (printf "probes.%s needs a path or a command" $kind) .path }}
    port: {{ $root.Values.service.portName }}
  {{- end }}
  initialDelaySeconds: {{ int .initialDelaySeconds }}
  periodSeconds: {{ int .periodSeconds }}
  timeoutSeconds: {{ int .timeoutSeconds }}
  failureThreshold: {{ int .failureThreshold }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "longshore-common.volumeName" -}}
{{ . | trimPrefix "/" | lower | replace "/" "-" | replace "." "-" | replace "_" "-" | printf "w-%s" | replace "--" "-" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "longshore-common.volumes" -}}
{{- range .Values.writablePaths }}
- name: {{ include "longshore-common.volumeName" .path }}
  emptyDir:
    sizeLimit: {{ .sizeLimit }}
{{- end }}
{{- if .Values.files }}
- name: files
  configMap:
    name: {{ include "longshore-common.fullname" . }}-files
    defaultMode: 0444
{{- end }}
{{- end -}}

{{- define "longshore-common.volumeMounts" -}}
{{- range .Values.writablePaths }}
- name: {{ include "longshore-common.volumeName" .path }}
  mountPath: {{ .path }}
{{- end }}
{{- with .Values.persistence }}
- name: data
  mountPath: {{ .mountPath }}
{{- end }}
{{- range .Values.files }}
- name: files
  mountPath: {{ .path }}
  subPath: {{ .name }}
  readOnly: true
{{- end }}
{{- end -}}
