{{/* What reaches the pods, and what they reach. */}}

{{- define "longshore-common.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
  {{- with .Values.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "longshore-common.selectorLabels" . | nindent 4 }}
  ports:
    - name: {{ .Values.service.portName }}
      port: {{ int .Values.service.port }}
      targetPort: {{ .Values.service.portName }}
      protocol: TCP
{{- end -}}

{{- define "longshore-common.ingress" -}}
{{- if (.Values.ingress).enabled -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
  {{- with .Values.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  rules:
    {{- range .Values.ingress.hosts }}
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ .path }}
            pathType: {{ .pathType }}
            backend:
              service:
                name: {{ include "longshore-common.fullname" $ }}
                port:
                  name: {{ $.Values.service.portName }}
          {{- end }}
    {{- end }}
  {{- with .Values.ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "longshore-common.networkPolicy" -}}
{{- if .Values.networkPolicy.enabled -}}
{{- $ingress := .Values.networkPolicy.ingress -}}
{{- $egress := .Values.networkPolicy.egress -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "longshore-common.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "longshore-common.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - ports:
        - protocol: TCP
          port: {{ int .Values.containerPort }}
      {{- if not $ingress.fromAnywhere }}
      from:
        {{- range $ingress.fromServices }}
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ . }}
        {{- end }}
        - podSelector:
            matchLabels:
              {{- include "longshore-common.testLabels" . | nindent 14 }}
      {{- end }}
  {{- if or $egress.dns $egress.toServices $egress.toInternet }}
  egress:
    {{- if $egress.dns }}
    - ports:
        - protocol: UDP
          port: 53
        - protocol: TCP
          port: 53
      to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
        # The node-local DNS cache, where there is one, answers at a link-local address.
        - ipBlock:
            cidr: 169.254.20.10/32
    {{- end }}
    {{- range $egress.toServices }}
    - ports:
        - protocol: TCP
          port: {{ int .port }}
      to:
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ .name }}
    {{- end }}
    {{- with $egress.toInternet }}
    - ports:
        {{- range . }}
        - protocol: TCP
          port: {{ int . }}
        {{- end }}
      to:
        - ipBlock:
            cidr: 0.0.0.0/0
            except:
              - 10.0.0.0/8
              - 100.64.0.0/10
              - 169.254.0.0/16
              - 172.16.0.0/12
              - 192.168.0.0/16
        - ipBlock:
            cidr: ::/0
            except:
              - fc00::/7
              - fe80::/10
    {{- end }}
  {{- else }}
  egress: []
  {{- end }}
{{- end }}
{{- end -}}
