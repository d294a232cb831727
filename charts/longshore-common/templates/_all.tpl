{{/* Every object of a service, in the order in which they are needed; those that are off give nothing. */}}
{{- define "longshore-common.all" -}}
{{- $root := . -}}
{{- range $part := list "serviceAccount" "configMap" "files" "secret" "service" "workload" "ingress" "networkPolicy" "podDisruptionBudget" "horizontalPodAutoscaler" }}
{{- with include (printf "longshore-common.%s" $part) $root | trim }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "longshore-common.notes" -}}
{{- $name := include "longshore-common.fullname" . -}}
{{ $name }} ({{ include "longshore-common.image" . }}) is in namespace {{ .Release.Namespace }}.

  watch:  kubectl --namespace {{ .Release.Namespace }} get pods --selector app.kubernetes.io/instance={{ .Release.Name }} --watch
  reach:  kubectl --namespace {{ .Release.Namespace }} port-forward service/{{ $name }} {{ int .Values.service.port }}
  test:   helm --namespace {{ .Release.Namespace }} test {{ .Release.Name }}
{{- range (.Values.ingress).hosts }}
{{- if $.Values.ingress.enabled }}
  open:   http{{ if $.Values.ingress.tls }}s{{ end }}://{{ .host }}
{{- end }}
{{- end }}
{{- end -}}
