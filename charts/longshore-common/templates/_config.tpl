{{/* Configuration that is no secret: a ConfigMap of variables, and one of files. */}}

{{- define "longshore-common.configMap" -}}
{{- $port := (.Values.config).PORT -}}
{{- if and $port (ne (toString $port) (toString (int .Values.containerPort))) -}}
{{- fail (printf "config.PORT is %s, but containerPort is %d: give both the same number" $port (int .Values.containerPort)) -}}
{{- end -}}
{{- if .Values.config -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
data:
  {{- range $name, $value := .Values.config }}
  {{ $name }}: {{ $value | toString | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "longshore-common.files" -}}
{{- if .Values.files -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "longshore-common.fullname" . }}-files
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "longshore-common.labels" . | nindent 4 }}
data:
  {{- range .Values.files }}
  {{ .name }}: |
    {{- .text | trim | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
