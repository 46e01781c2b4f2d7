package dyplstest

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Types of receipts that calls have.
const (
	SecretStartReport  = "SecretStartReport"  // it was dialled
	SecretRingReport   = "SecretRingReport"   // it rings
	SecretPickUpReport = "SecretPickUpReport" // it was answered
	SecretReport       = "SecretReport"       // it has ended
	SecretRecording    = "SecretRecording"    // its recording is there
	SecretAsrReport    = "SecretAsrReport"    // its transcript is there
)

// ReceiptTypes returns the types of receipts that are simulated, in the order of a call.
func ReceiptTypes() []string {
	return []string{
		SecretStartReport,
		SecretRingReport,
		SecretPickUpReport,
		SecretReport,
		SecretRecording,
		SecretAsrReport,
	}
}

// Way is how a receipt travels. The two have different names and types of fields.
type Way string

// The ways.
const (
	ByHTTP  Way = "http"  // pushed to an address
	ByQueue Way = "queue" // fetched from a queue
)

// record is a receipt's fields under the API's names.
type record map[string]any

// event is a receipt of a call, and when it is made.
type event struct {
	kind string
	due  time.Time
}

// events are a call's receipts in their order.
func (s *Simulator) events(c *placedCall) []event {
	all := []event{{SecretStartReport, c.CallTime}}
	if c.UnconnectedCause == causeConnected {
		all = append(all, event{SecretRingReport, c.RingTime})
	}
	if c.Answered {
		all = append(all, event{SecretPickUpReport, c.StartTime})
	}
	all = append(all, event{SecretReport, c.ReleaseTime})
	if c.Recorded {
		all = append(all, event{SecretRecording, s.recordingAt(c)})
	}
	if c.Transcribed {
		all = append(all, event{SecretAsrReport, s.transcriptAt(c)})
	}
	return all
}

// CallReceipts returns every receipt that a call has once it has ended, by type, as they travel one
// way. Without such a call there is none.
func (s *Simulator) CallReceipts(callID string, way Way) map[string]json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls.byID[callID]
	if c == nil {
		return nil
	}
	all := map[string]json.RawMessage{}
	for _, e := range s.events(c) {
		all[e.kind] = s.encode(c, e.kind, way)
	}
	return all
}

// encode writes a receipt.
func (s *Simulator) encode(c *placedCall, kind string, way Way) json.RawMessage {
	var r record
	switch kind {
	case SecretStartReport:
		r = c.startReport(way)
	case SecretRingReport, SecretPickUpReport:
		r = c.ringReport(kind, way)
	case SecretReport:
		r = c.report(way)
		r.text("record_url", s.recordURL(c))
	case SecretRecording:
		r = c.recording(way, s.config.Calls.OlderForm)
	case SecretAsrReport:
		r = c.asrReport()
	}
	encoded, _ := json.Marshal(r) //nolint:errchkjson // strings and numbers always can be encoded
	return encoded
}

// common is what all receipts of a call in progress share.
func (c *placedCall) common() record {
	r := record{
		"pool_key": c.PoolKey, "call_id": c.CallID, "call_time": clockTime(c.CallTime),
		"secret_no": string(c.SecretNo), "peer_no": string(c.PeerNo),
	}
	r.text("phone_no", string(c.PhoneNo))
	r.text("out_id", c.OutID)
	return r
}

// text sets a field that is left out where it is empty.
func (r record) text(name, value string) {
	if value != "" {
		r[name] = value
	}
}

// subs sets the field of the binding, a number in some receipts and a string in others.
func (r record) subs(name, id string, asString bool) {
	if id == "" {
		return
	}
	r[name] = json.Number(id)
	if asString {
		r[name] = id
	}
}

func (c *placedCall) control() (kind, message string) {
	switch c.UnconnectedCause {
	case causeNoBinding:
		return "REJECT", "NO_SUBS_EXIST"
	case causeRestricted:
		return "REJECT", "OK"
	}
	return "CONTINUE", "OK"
}

// startReport has an id, as a string, a city and a partner_key by HTTP, and control_msg in a queue.
func (c *placedCall) startReport(way Way) record {
	r := c.common()
	r["called_display_no"] = string(c.SecretNo)
	r["call_type"], r["unconnected_cause"] = c.CallType, c.UnconnectedCause
	r.subs("sub_id", c.SubsID, false)
	kind, message := c.control()
	r["control_type"] = kind
	if way == ByQueue {
		r["control_msg"] = message
		return r
	}
	r["id"], r["partner_key"], r["city"] = strconv.FormatInt(c.id, 10), c.PoolKey, c.City
	return r
}

// ringReport has call_type and sub_id as strings by HTTP, as in the page's sample, and as numbers
// in a queue, as in its table. A pick-up in a queue spells ring_Time.
func (c *placedCall) ringReport(kind string, way Way) record {
	r := c.common()
	r["city"] = c.City
	r.text("extension", c.Extension)
	r.subs("sub_id", c.SubsID, way == ByHTTP)
	r["call_type"] = c.CallType
	if way == ByHTTP {
		r["call_type"] = strconv.Itoa(c.CallType)
	}
	ringTime := "ring_time"
	if kind == SecretPickUpReport {
		r["start_time"] = clockTime(c.StartTime)
		if way == ByQueue {
			ringTime = "ring_Time"
		}
	}
	r[ringTime] = clockTime(c.RingTime)
	return r
}

// report has an id, as a number, and a partner_key by HTTP alone.
func (c *placedCall) report(way Way) record {
	r := c.common()
	r["called_display_no"], r["city"] = string(c.SecretNo), c.City
	r.text("extension", c.Extension)
	r.subs("sub_id", c.SubsID, false)
	r["call_type"], r["unconnected_cause"] = c.CallType, c.UnconnectedCause
	r["control_type"], r["control_msg"] = c.control()
	r["call_out_time"], r["ring_time"] = clockTime(c.CallTime), clockTime(c.RingTime)
	r["free_ring_time"], r["start_time"] = clockTime(c.RingTime), clockTime(c.StartTime)
	r["release_time"] = clockTime(c.ReleaseTime)
	r["release_dir"], r["release_cause"] = c.ReleaseDir, c.ReleaseCause
	r["sms_number"] = nil // seen so in a live one
	if way == ByHTTP {
		r["id"], r["partner_key"] = c.id, c.PoolKey
	}
	return r
}

// recording has sub_id and a number of epoch milliseconds by HTTP, subs_id and a
// string of them in a queue.
func (c *placedCall) recording(way Way, older bool) record {
	r := record{"pool_key": c.PoolKey, "call_id": c.CallID}
	r.text("out_id", c.OutID)
	switch {
	case older:
		r.subs("subs_id", c.SubsID, false)
		r["call_time"] = clockTime(c.CallTime)
	case way == ByHTTP:
		r.subs("sub_id", c.SubsID, false)
		r["call_time"] = c.CallTime.UnixMilli()
	default:
		r.subs("subs_id", c.SubsID, false)
		r["call_time"] = strconv.FormatInt(c.CallTime.UnixMilli(), 10)
	}
	return r
}

// asrReport has names in the way of Java, and numbers as strings within the
// sentences; no binding and no time.
func (c *placedCall) asrReport() record {
	said := c.transcript()
	sentences := make([]record, len(said.Sentences))
	for i, s := range said.Sentences {
		sentences[i] = record{
			"beginTime": s.BeginTime, "endTime": s.EndTime, "channelId": s.ChannelID, "text": s.Text,
			"silenceDuration": strconv.FormatInt(s.SilenceDuration, 10), "speechRate": strconv.Itoa(s.SpeechRate),
			"emotionValue": s.EmotionValue,
		}
	}
	return record{
		"callId": c.CallID, "partnerKey": c.PoolKey, "secretNo": string(c.SecretNo),
		"statusCode":  said.Code,
		"bizDuration": said.BizDuration, "sentences": sentences,
	}
}

// clockTime is a time as the service writes it: in Beijing, to the second.
func clockTime(t time.Time) string { return dypls.At(t).String() }
