{{/* Names and labels. Every template here is given the root context of the chart that includes it. */}}

{{- define "longshore-common.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name when it says which chart it is, else release-chart. */}}
{{- define "longshore-common.fullname" -}}
{{- $name := include "longshore-common.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector selects by: never changes in the life of a release. */}}
{{- define "longshore-common.selectorLabels" -}}
app.kubernetes.io/name: {{ include "longshore-common.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of pods: without the chart's version, so that a new chart version alone restarts nothing. */}}
{{- define "longshore-common.podLabels" -}}
{{ include "longshore-common.selectorLabels" . }}
{{- with .Values.partOf }}
app.kubernetes.io/part-of: {{ . }}
{{- end }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "longshore-common.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "longshore-common.selectorLabels" . }}
{{- with .Chart.AppVersion }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
{{- with .Values.partOf }}
app.kubernetes.io/part-of: {{ . }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Labels of the test pod: not the selector's, or the Service would send requests to it. */}}
{{- define "longshore-common.testLabels" -}}
app.kubernetes.io/name: {{ include "longshore-common.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "longshore-common.metadata" -}}
name: {{ include "longshore-common.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "longshore-common.labels" . | nindent 2 }}
{{- end -}}

{{- define "longshore-common.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "longshore-common.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "longshore-common.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
