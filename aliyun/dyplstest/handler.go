package dyplstest

import "net/http"

// Where [Simulator.Handler] serves what is beside the API.
const (
	LedgerPath = "/_dyplsq/ledger"
	CallsPath  = "/_dyplsq/calls"
)

// Handler serves all that there is: the API at the root, the ledger at [LedgerPath], calls at
// [CallsPath]. What begins with /_dyplsq asks for no credentials: mount it where nobody else can
// reach it.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.Handle(LedgerPath, s.LedgerHandler())
	mux.Handle(CallsPath, s.CallsHandler())
	return mux
}
