package dypls

// releaseCauses are those of ITU-T Q.850, as far as the API's pages list them.
var releaseCauses = map[int]string{
	1:   "unallocated number",
	2:   "no route to the transit network",
	3:   "no route to the destination",
	4:   "special information tone",
	16:  "normal clearing",
	17:  "user busy",
	18:  "no user responding",
	19:  "no answer from the user",
	20:  "subscriber absent",
	21:  "call rejected",
	22:  "number changed",
	27:  "destination out of order",
	28:  "invalid number format",
	29:  "facility rejected",
	31:  "normal, unspecified",
	34:  "no circuit available",
	42:  "switching equipment congested",
	50:  "facility not subscribed",
	53:  "outgoing calls barred within the closed user group",
	55:  "incoming calls barred within the closed user group",
	57:  "bearer capability not authorized",
	58:  "bearer capability not available",
	65:  "bearer capability not implemented",
	69:  "facility not implemented",
	87:  "user not member of the closed user group",
	88:  "incompatible destination",
	90:  "closed user group does not exist",
	91:  "invalid selection of the transit network",
	95:  "invalid message",
	97:  "message type not implemented",
	99:  "parameter not implemented",
	102: "recovery on timer expiry",
	103: "parameter not implemented, passed on",
	110: "message with an unknown parameter discarded",
	111: "protocol error",
	127: "interworking, unspecified",
}

// ReleaseText says in words why the call ended; "" where the receipt does not say, or by a cause
// that is not listed.
func (r SecretReport) ReleaseText() string { return ReleaseText(r.ReleaseCause) }

// ReleaseText says in words what a release_cause means; "" for nil, and for one that is not listed.
func ReleaseText(cause *int) string {
	if cause == nil {
		return ""
	}
	return releaseCauses[*cause]
}

// unconnectedCauses say why the platform did not put a call through; 0 is that it did.
var unconnectedCauses = map[int]string{
	1: "blacklist",
	2: "no binding",
	3: "call restriction",
	4: "other",
}

// UnconnectedText says in words why the platform did not put the call through; "" where it did, or
// the receipt does not say.
func (r CallReceipt) UnconnectedText() string { return UnconnectedText(r.UnconnectedCause) }

// UnconnectedText says in words what an unconnected_cause means; "" for nil, 0, and one that is not
// listed.
func UnconnectedText(cause *int) string {
	if cause == nil {
		return ""
	}
	return unconnectedCauses[*cause]
}
