package dyplstest

import (
	"net/http"
	"strconv"
)

// LedgerHandler serves the ledger to other processes: GET answers JSON Lines, one [Entry] a line,
// the oldest first. ?performed=1 leaves out what was not performed, ?after=SEQ what came up to that
// entry.
//
// It asks for no credentials, and the numbers in it are whole. It is for test data only: mount it
// where nobody else can reach it.
func (s *Simulator) LedgerHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "the ledger is read with GET", http.StatusMethodNotAllowed)
			return
		}
		query := r.URL.Query()
		performed, after := false, 0
		var err error
		if value := query.Get("performed"); value != "" {
			if performed, err = strconv.ParseBool(value); err != nil {
				http.Error(w, "performed must be 1 or 0: leave it out for all entries", http.StatusBadRequest)
				return
			}
		}
		if value := query.Get("after"); value != "" {
			if after, err = strconv.Atoi(value); err != nil {
				http.Error(w, "after must be the seq of an entry, a whole number", http.StatusBadRequest)
				return
			}
		}
		writeLines(w, s.entries(
			func(e *Entry) bool { return e.Seq > after && (e.Performed || !performed) },
		))
	})
}
