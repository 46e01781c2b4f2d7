package dashboard

import (
	"net/http"
	"strings"
)

// ownReads refuses what a page of another site makes the browser ask of the API, or of the console.
// That page cannot read the answer; it must not cause the work either. Somebody who follows a link,
// or types an address, opens a document, and may.
type ownReads struct{ next http.Handler }

// ServeHTTP implements [http.Handler].
func (o ownReads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site := r.Header.Get("Sec-Fetch-Site")
	foreign := site == "cross-site" ||
		site == "same-site" // same-site: another port, or a sibling's name
	document := r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Dest") == "document"
	ours := strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, ConsoleRoot)
	if foreign && !document && ours {
		http.Error(w, "not for a page of another site: open the dashboard itself", http.StatusForbidden)
		return
	}
	o.next.ServeHTTP(w, r)
}
