{{/* What a PostgreSQL needs besides a pod. */}}

{{/*
The init container that gives the role the Secret's password when there is data already. PostgreSQL takes
POSTGRES_PASSWORD only for an empty folder; but the data outlives the release, a Secret that was made anew and, on
Minikube, whose volumes are folders named by namespace and claim, even the namespace.
The single-user mode listens nowhere; log_min_error_statement keeps a failed statement, and so the password, out of the log.
*/}}
{{- define "longshore-common.passwordContainer" -}}
name: password
image: {{ include "longshore-common.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  - sh
  - -ec
  - |
    [ -s "$PGDATA/PG_VERSION" ] || exit 0
    rm -f /tmp/new /tmp/said
    umask 077
    {
      printf "ALTER ROLE \"%s\" WITH LOGIN PASSWORD '" "$POSTGRES_USER"
      printf %s "$POSTGRES_PASSWORD" | sed "s/'/''/g"
      printf "';\n"
    } | tr -d '\n' > /tmp/new
    echo >> /tmp/new
    if ! postgres --single -c exit_on_error=on -c log_min_error_statement=panic -D "$PGDATA" postgres < /tmp/new > /tmp/said 2>&1
    then
      grep -oE '(ERROR|FATAL|PANIC): .*' /tmp/said >&2 || true
      echo "the data that is there could not be given the password of the Secret" >&2
      exit 1
    fi
    rm -f /tmp/new /tmp/said
securityContext:
  {{- include "longshore-common.containerSecurityContext" . | nindent 2 }}
{{- include "longshore-common.environment" . }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- with include "longshore-common.volumeMounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}
