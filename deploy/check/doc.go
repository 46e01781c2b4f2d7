// Package check checks what stands in deploy, and docker-compose.yml. It renders the Helm chart in
// deploy/helm/dyplsq by Helm's own engine, without a cluster: each object decodes strictly into the
// type of its API, each pod passes Kubernetes' restricted Pod Security Standard, and the examples
// in deploy/kubernetes are what the chart makes. deploy/pin-images is run against a registry.
//
//	go test .            # checks
//	go test . -update    # writes the examples, and testdata/everything.yaml, anew
package check
