package handrolled

import (
	"encoding/json"
	"io"
	"net/http"
)

// Serve is the least that lets programs in other languages enqueue binds: a handler that hands what
// is posted to asynq. It knows neither who posts, nor whether a request is a valid one.
func Serve(listen, redisAddr string) error {
	producer := NewProducer(redisAddr)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v1/tasks", func(w http.ResponseWriter, r *http.Request) {
		var posted struct {
			ID      string      `json:"id"`
			Request BindRequest `json:"request"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostReceipt))
		if err == nil {
			err = json.Unmarshal(body, &posted)
		}
		if err != nil {
			http.Error(w, "not readable", http.StatusBadRequest)
			return
		}
		if err := producer.Enqueue(r.Context(), posted.ID, posted.Request); err != nil {
			http.Error(w, "not enqueued", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	return http.ListenAndServe(listen, mux) //nolint:gosec // as most do
}
