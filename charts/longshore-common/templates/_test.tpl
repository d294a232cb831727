{{/* The pod of `helm test`: asks for the health path through the Service, from the service's own image. */}}
{{- define "longshore-common.test" -}}
{{- if .Values.test.enabled -}}
{{- $name := include "longshore-common.fullname" . -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ $name }}-test
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "longshore-common.testLabels" . | nindent 4 }}
    app.kubernetes.io/managed-by: {{ .Release.Service }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  activeDeadlineSeconds: 120
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "longshore-common.podSecurityContext" . | nindent 4 }}
  containers:
    - name: test
      image: {{ include "longshore-common.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        {{- include "longshore-common.containerSecurityContext" . | nindent 8 }}
      env:
        - name: TEST_HOST
          value: {{ $name }}
        - name: TEST_PORT
          value: {{ int .Values.service.port | quote }}
        {{- with .Values.probes.liveness.path }}
        - name: TEST_URL
          value: http://{{ $name }}:{{ int $.Values.service.port }}{{ . }}
        {{- end }}
      command:
        {{- include (printf "longshore-common.test.%s" .Values.test.runtime) . | trim | nindent 8 }}
      resources:
        {{- toYaml .Values.test.resources | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "longshore-common.test.python" -}}
- python3
- -c
- |
  import os, sys, time, urllib.request
  url = os.environ["TEST_URL"]
  for attempt in range(10):
      try:
          with urllib.request.urlopen(url, timeout=5) as answer:
              print(url, answer.status, answer.read(500).decode("utf-8", "replace"))
              sys.exit(0 if answer.status == 200 else 1)
      except OSError as error:
          print(url, error, flush=True)
          time.sleep(2)
  sys.exit(1)
{{- end -}}

{{- define "longshore-common.test.node" -}}
- node
- -e
- |
  const url = process.env.TEST_URL;
  const ask = async (left) => {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
      console.log(url, answer.status, (await answer.text()).slice(0, 500));
      if (answer.ok) return 0;
    } catch (error) {
      console.log(url, String(error.cause ?? error));
    }
    if (left <= 1) return 1;
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return ask(left - 1);
  };
  ask(10).then((code) => process.exit(code));
{{- end -}}

{{- define "longshore-common.test.shell" -}}
- sh
- -c
- |
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if wget -q -T 5 -O - "$TEST_URL" || curl -fsS -m 5 "$TEST_URL"; then exit 0; fi
    sleep 2
  done
  exit 1
{{- end -}}

{{- define "longshore-common.test.postgres" -}}
- sh
- -c
- |
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if pg_isready -h "$TEST_HOST" -p "$TEST_PORT" -U {{ .Values.config.POSTGRES_USER | squote }} -d {{ .Values.config.POSTGRES_DB | squote }} -t 5; then exit 0; fi
    sleep 2
  done
  exit 1
{{- end -}}
