{{- define "longshore.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "longshore.fullname" -}}
{{- $name := include "longshore.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "longshore.selectorLabels" -}}
app.kubernetes.io/name: {{ include "longshore.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "longshore.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "longshore.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "longshore.testLabels" -}}
app.kubernetes.io/name: {{ include "longshore.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "longshore.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "longshore.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when none is created" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "longshore.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}

{{/* The names under which pods of the cluster reach the Service, with its port. */}}
{{- define "longshore.hosts" -}}
{{- $name := include "longshore.fullname" . -}}
{{- $port := int .Values.service.port -}}
{{- range list "" (printf ".%s" .Release.Namespace) (printf ".%s.svc" .Release.Namespace) (printf ".%s.svc.cluster.local" .Release.Namespace) }}
- {{ printf "%s%s:%d" $name . $port }}
{{- end }}
{{- range .Values.server.allowedHosts }}
- {{ . }}
{{- end }}
{{- end -}}

{{- define "longshore.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int .Values.security.runAsUser }}
runAsGroup: {{ int .Values.security.runAsUser }}
fsGroup: {{ int .Values.security.runAsUser }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "longshore.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* What a Role holds of: the server's account. */}}
{{- define "longshore.subjects" -}}
- kind: ServiceAccount
  name: {{ include "longshore.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Looking: no Secrets, nothing that acts. */}}
{{- define "longshore.readRules" -}}
- apiGroups: [""]
  resources: [pods, pods/log, services, endpoints, events, configmaps, serviceaccounts, persistentvolumeclaims, resourcequotas, limitranges, replicationcontrollers]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments, replicasets, statefulsets, daemonsets, controllerrevisions]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch]
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [get, list]
{{- end -}}

{{/* Of the cluster: what it is, and what its nodes have. */}}
{{- define "longshore.clusterRules" -}}
- apiGroups: [""]
  resources: [namespaces, nodes, persistentvolumes]
  verbs: [get, list, watch]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [get, list, watch]
- apiGroups: [metrics.k8s.io]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}
