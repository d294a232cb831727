{{/* The security contexts. No value can weaken them but runAsUser (never 0) and readOnlyRootFilesystem. */}}

{{- define "longshore-common.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ int64 .Values.security.runAsUser }}
runAsGroup: {{ int64 .Values.security.runAsUser }}
fsGroup: {{ int64 .Values.security.runAsUser }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "longshore-common.containerSecurityContext" -}}
runAsNonRoot: true
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: {{ .Values.security.readOnlyRootFilesystem }}
capabilities:
  drop:
    - ALL
{{- end -}}
