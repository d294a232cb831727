{{/* Secrets are made outside and named by existingSecret. A chart makes one only when secret.create asks for it. */}}

{{- define "longshore-common.secret" -}}
{{- if (.Values.secret).create -}}
{{- if not .Values.secret.values -}}
{{- fail "secret.create needs secret.values: a chart never makes a secret up" -}}
{{- end -}}
apiVersion: v1
kind: Secret
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
type: Opaque
stringData:
  {{- range $key, $value := .Values.secret.values }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The variables that come from Secrets. */}}
{{- define "longshore-common.secretEnv" -}}
{{- $root := . -}}
{{- range $name, $ref := .Values.secretEnv }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      {{- if ($root.Values.secret).create }}
      {{- if not (or $ref.optional (hasKey $root.Values.secret.values $ref.key)) }}
      {{- fail (printf "secret.values has no key %s, which %s needs" $ref.key $name) }}
      {{- end }}
      name: {{ include "longshore-common.fullname" $root }}
      {{- else }}
      name: {{ required (printf "existingSecret: name the Secret that has the key %s for %s" $ref.key $name) (default $root.Values.existingSecret $ref.secret) }}
      {{- end }}
      key: {{ $ref.key }}
      {{- if $ref.optional }}
      optional: true
      {{- end }}
{{- end }}
{{- end -}}
