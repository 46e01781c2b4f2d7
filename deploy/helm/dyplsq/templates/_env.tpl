{{/*
The environment of a component, with .root, .name, .v (its values) and .own (its own settings, as
lines). What is set by hand comes last, and wins.
*/}}
{{- define "dyplsq.env" -}}
{{- with .root.Values.redis -}}
- {name: REDIS_URL, valueFrom: {secretKeyRef: {name: {{ required "redis.secret.name: the secret that has the URL of Redis" .secret.name }}, key: {{ .secret.key }}}}}
{{- if .clusterNodes }}
- {name: REDIS_CLUSTER_NODES, value: {{ .clusterNodes | quote }}}
{{- end }}
{{- if .ca.secret }}
- {name: REDIS_CA_FILE, value: /run/dyplsq/redis-ca.crt}
{{- end }}
{{- end }}
{{- if .root.Values.keys.secret }}
- {name: DYPLSQ_KEYS_FILE, value: /run/dyplsq/keys.json}
{{- end }}
{{- if ne .name "dash" }}
- {name: DYPLSQ_METRICS_LISTEN, value: "0.0.0.0:9464"}
{{- end }}
{{- with .own }}
{{ . }}
{{- end }}
{{- with get .v "credentials" }}
{{- if .secret }}
- {name: ALIBABA_CLOUD_ACCESS_KEY_ID, valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .id }}}}}
- {name: ALIBABA_CLOUD_ACCESS_KEY_SECRET, valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .accessKeySecret }}}}}
{{- end }}
{{- end }}
{{- range $name, $value := merge (dict) .v.env .root.Values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- with .v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The files of a component, from secrets that exist: .root and .files, each with secret, key and path. */}}
{{- define "dyplsq.files" -}}
{{- $files := .files }}
{{- with .root.Values.redis.ca }}
{{- if .secret }}{{ $files = append $files (dict "secret" .secret "key" .key "path" "redis-ca.crt") }}{{ end }}
{{- end }}
{{- with .root.Values.keys }}
{{- if .secret }}{{ $files = append $files (dict "secret" .secret "key" .key "path" "keys.json") }}{{ end }}
{{- end }}
{{- range $files }}
- secret: {name: {{ required "a secret has no name" .secret }}, items: [{key: {{ .key }}, path: {{ .path }}}]}
{{- end }}
{{- end -}}
