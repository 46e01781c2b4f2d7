package dyplstest

import "net/http"

// Where [Simulator.Handler] serves what is beside the API.
const (
	LedgerPath   = "/_dyplsq/ledger"
	CallsPath    = "/_dyplsq/calls"
	ReceiptsPath = "/_dyplsq/receipts"
)

// Handler serves all that there is: the API at the root, the ledger at [LedgerPath], calls at
// [CallsPath], and their receipts at [ReceiptsPath]. What begins with /_dyplsq asks for no
// credentials: mount it where nobody else can reach it.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.Handle(LedgerPath, s.LedgerHandler())
	mux.Handle(CallsPath, s.CallsHandler())
	mux.Handle(ReceiptsPath, s.ReceiptsHandler())
	return mux
}
