# One static binary: the worker, the dashboard, the simulator and the command line.
# Images go by their tags, which can be moved, until `make pin-images` has written digests.
# No cache mounts and no apk: any builder builds it, also the one of Debian's docker-compose.
FROM golang:1.26.8-alpine3.24 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/dyplsq ./cmd/dyplsq

# Alpine rather than an empty image: it brings wget for the health checks and the certificates by which the API is known.
FROM alpine:3.24
COPY --from=build /out/dyplsq /usr/local/bin/dyplsq
USER 65532:65532
ENTRYPOINT ["dyplsq"]
