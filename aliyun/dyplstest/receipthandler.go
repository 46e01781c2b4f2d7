package dyplstest

import (
	"net/http"
	"strconv"
)

// ReceiptsHandler tells other processes what was sent: GET answers JSON Lines, one [Receipt] a
// line, the oldest first. ?after=SEQ leaves out what came up to that one; ?type=SecretReport,
// ?outcome=dropped and ?call_id=ID all others.
//
// As [Simulator.LedgerHandler] it asks for no credentials, and its numbers are whole.
func (s *Simulator) ReceiptsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "receipts are read with GET", http.StatusMethodNotAllowed)
			return
		}
		query := r.URL.Query()
		after := 0
		if value := query.Get("after"); value != "" {
			var err error
			if after, err = strconv.Atoi(value); err != nil {
				http.Error(w, "after must be the seq of a receipt, a whole number", http.StatusBadRequest)
				return
			}
		}
		is := func(name, value string) bool { return query.Get(name) == "" || query.Get(name) == value }
		writeLines(w, s.receiptsThat(func(one *Receipt) bool {
			return one.Seq > after && is("type", one.Type) && is("outcome", string(one.Outcome)) &&
				is("call_id", one.CallID)
		}))
	})
}
