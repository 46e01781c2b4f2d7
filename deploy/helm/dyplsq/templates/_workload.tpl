{{/*
Everything that a component runs by, hardened alike. It is given .root, .name (the command), .v (its
values), .own (its settings, as lines of env), .files (from secrets), .port (of HTTP, 0 for none),
.https (whether it calls out) and .tmp (whether it writes to /tmp).
*/}}
{{- define "dyplsq.workload" -}}
{{- $full := printf "%s-%s" (include "dyplsq.fullname" .root) .name -}}
{{- $metrics := ne .name "dash" -}}
{{- $files := include "dyplsq.files" . | trim -}}
# It asks Kubernetes for nothing, and has no token to.
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $full }}
  labels:
    {{- include "dyplsq.labels" . | nindent 4 }}
  {{- with .v.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $full }}
  labels:
    {{- include "dyplsq.labels" . | nindent 4 }}
spec:
  {{- if not (and (eq .name "worker") .root.Values.keda.enabled) }}
  replicas: {{ .v.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "dyplsq.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      labels:
        {{- include "dyplsq.labels" . | nindent 8 }}
        {{- with .v.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or (and $metrics (not .root.Values.serviceMonitor.enabled)) .v.podAnnotations }}
      annotations:
        {{- if and $metrics (not .root.Values.serviceMonitor.enabled) }}
        prometheus.io/scrape: "true"
        prometheus.io/port: "9464"
        prometheus.io/path: /metrics
        {{- end }}
        {{- with .v.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    spec:
      {{- if eq .name "worker" }}
      # Longer than DYPLSQ_SHUTDOWN_TIMEOUT, or a stop cuts calls whose answers are then never known.
      {{- end }}
      terminationGracePeriodSeconds: {{ .v.terminationGracePeriodSeconds }}
      serviceAccountName: {{ $full }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .v.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .v.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # A node that is lost takes one of them along.
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- include "dyplsq.selector" . | nindent 20 }}
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: {{ .name }}
          image: {{ include "dyplsq.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ .name }}]
          env:
            {{- include "dyplsq.env" . | nindent 12 }}
          ports:
            {{- if $metrics }}
            - {name: metrics, containerPort: 9464}
            {{- end }}
            {{- if .port }}
            - {name: http, containerPort: {{ .port }}}
            {{- end }}
          {{- if $metrics }}
          # Alive asks the process alone: one that waits for Redis may hold outcomes, and must not be started anew.
          livenessProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 5
            timeoutSeconds: 5
          {{- else }}
          # Without a login every page is refused: that it listens is what can be asked.
          livenessProbe:
            tcpSocket: {port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            tcpSocket: {port: http}
            periodSeconds: 5
            timeoutSeconds: 5
          {{- end }}
          {{- if or $files .tmp }}
          volumeMounts:
            {{- if $files }}
            - {name: secrets, mountPath: /run/dyplsq, readOnly: true}
            {{- end }}
            {{- if .tmp }}
            - {name: tmp, mountPath: /tmp}
            {{- end }}
          {{- end }}
          resources:
            {{- toYaml .v.resources | nindent 12 }}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      {{- if or $files .tmp }}
      volumes:
        {{- if $files }}
        # 288 is 0440: the files are root's, and readable by the group of the process.
        - name: secrets
          projected:
            defaultMode: 288
            sources:
              {{- $files | nindent 14 }}
        {{- end }}
        {{- if .tmp }}
        - {name: tmp, emptyDir: {sizeLimit: {{ .v.spool }}}}
        {{- end }}
      {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $full }}
  labels:
    {{- include "dyplsq.labels" . | nindent 4 }}
spec:
  {{- if not .port }}
  clusterIP: None # for Prometheus to find the pods by
  {{- end }}
  selector:
    {{- include "dyplsq.selector" . | nindent 4 }}
  ports:
    {{- if .port }}
    - {name: http, port: {{ .port }}, targetPort: http}
    {{- end }}
    {{- if $metrics }}
    - {name: metrics, port: 9464, targetPort: metrics}
    {{- end }}
{{- if .root.Values.podDisruptionBudget.enabled }}
---
# Nobody drains a node of the last of them without another one being there.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $full }}
  labels:
    {{- include "dyplsq.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "dyplsq.selector" . | nindent 6 }}
{{- end }}
{{- with .root.Values.networkPolicy }}
{{- if .enabled }}
---
# What is not named here may neither come nor leave. The kubelet, which asks for the health, always may come.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $full }}
  labels:
    {{- include "dyplsq.labels" $ | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "dyplsq.selector" $ | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if $metrics }}
    # The port of metrics and health has no password: Prometheus alone may ask, from the namespace it runs in.
    - from:
        {{- toYaml .metricsFrom | nindent 8 }}
      ports: [{protocol: TCP, port: 9464}]
    {{- end }}
    {{- if $.port }}
    # The ingress controller, which ends TLS, from the namespace it runs in.
    - from:
        {{- toYaml .ingressFrom | nindent 8 }}
      ports: [{protocol: TCP, port: {{ $.port }}}]
    {{- end }}
  egress:
    # Names.
    - to:
        {{- toYaml .dnsTo | nindent 8 }}
      ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    # Redis.
    - ports:
        {{- range $.root.Values.redis.ports }}
        - {protocol: TCP, port: {{ . }}}
        {{- end }}
      {{- with .redisTo }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- if $.https }}
    # The Internet's port 443, and no private network.
    - to:
        {{- toYaml .httpsTo | nindent 8 }}
      ports: [{protocol: TCP, port: 443}]
    {{- end }}
    {{- with $.v.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}
