{{/* The workload: a Deployment, or a StatefulSet where there is data to keep. */}}

{{- define "longshore-common.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
spec:
  {{- if not (.Values.autoscaling).enabled }}
  replicas: {{ int .Values.replicaCount }}
  {{- end }}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 600
  selector:
    matchLabels:
      {{- include "longshore-common.selectorLabels" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: {{ .Values.strategy.maxUnavailable }}
      maxSurge: {{ .Values.strategy.maxSurge }}
  template:
    {{- include "longshore-common.pod" . | nindent 4 }}
{{- end -}}

{{- define "longshore-common.statefulSet" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
spec:
  replicas: {{ int .Values.replicaCount }}
  revisionHistoryLimit: 5
  serviceName: {{ include "longshore-common.fullname" . }}
  # Ordered, a pod that never becomes ready would not be replaced, not even by a rollback.
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "longshore-common.selectorLabels" . | nindent 6 }}
  updateStrategy:
    type: RollingUpdate
  template:
    {{- include "longshore-common.pod" . | nindent 4 }}
  # The claim stays when the release is uninstalled: data is lost only when somebody deletes the claim.
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
        labels:
          {{- include "longshore-common.selectorLabels" . | nindent 10 }}
      spec:
        accessModes:
          - ReadWriteOnce
        {{- with .Values.persistence.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .Values.persistence.size }}
{{- end -}}

{{- define "longshore-common.workload" -}}
{{- if .Values.persistence -}}
{{ include "longshore-common.statefulSet" . }}
{{- else -}}
{{ include "longshore-common.deployment" . }}
{{- end -}}
{{- end -}}

{{- define "longshore-common.podDisruptionBudget" -}}
{{- if (.Values.podDisruptionBudget).enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "longshore-common.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "longshore-common.horizontalPodAutoscaler" -}}
{{- if (.Values.autoscaling).enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "longshore-common.fullname" . }}
  minReplicas: {{ int .Values.autoscaling.minReplicas }}
  maxReplicas: {{ int .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ int .Values.autoscaling.targetCPUUtilizationPercentage }}
{{- end }}
{{- end -}}
