package dypls

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
)

// BindBatchAXG makes several AXG bindings in one call. One that fails does not keep the others from
// being made: the call fails with a *[PartialError] then, and its result is there all the same.
// Without PhoneNoX the platform picks an X for each, and an answer that is lost cannot be looked
// up. Published quota: 5,000 calls a second and account. (Help page of BindBatchAxg,
// 批量添加AXG号码的绑定关系.)
var BindBatchAXG = Operation[BindBatchAXGRequest, AXGBatch]{
	Action: bindBatchAxg, Mutates: true, decode: decodeAXGBatch, partly: BindBatchAXGRequest.check,
	maxAnswer: maxAnswer,
}

const bindBatchAxg = "BindBatchAxg"

// BindBatchAXGRequest holds the parameters of BindBatchAxg.
type BindBatchAXGRequest struct {
	PoolKey string `json:"PoolKey"`
	// AxgBindList are the binds: JSON text on the wire. How many it may hold is not documented; it
	// travels in the URL, where some twenty have room.
	AxgBindList []AXGBind `json:"AxgBindList"`
}

// AXGBind is one bind of a [BindBatchAXG]: a BindAxg without its PoolKey.
type AXGBind struct {
	PhoneNoA           Phone  `json:"PhoneNoA"`
	GroupID            string `json:"GroupId"`           // G, which must hold at least one number
	PhoneNoB           Phone  `json:"PhoneNoB,omitzero"` // whom A reaches by dialling X
	PhoneNoX           Phone  `json:"PhoneNoX,omitzero"`
	Expiration         Time   `json:"Expiration"`          // more than 60 s ahead
	ExpectCity         string `json:"ExpectCity,omitzero"` // of X, in Chinese without 市
	IsRecordingEnabled bool   `json:"IsRecordingEnabled,omitzero"`
	OutID              string `json:"OutId,omitzero"` // comes back in the receipts of calls
	OutOrderID         string `json:"OutOrderId,omitzero"`
	CallRestrict       string `json:"CallRestrict,omitzero"`
	CallDisplayType    int    `json:"CallDisplayType,omitzero"` // 1: both sides see X
	RingConfig         string `json:"RingConfig,omitzero"`      // a JSON object
	ASRStatus          bool   `json:"ASRStatus,omitzero"`
	ASRModelID         string `json:"ASRModelId,omitzero"`
}

func (b AXGBind) describe(d *description) {
	d.required("PhoneNoA", string(b.PhoneNoA))
	d.phoneNoA(b.PhoneNoA)
	d.requiredIdentifier("GroupId", b.GroupID)
	d.dialable("PhoneNoB", b.PhoneNoB)
	d.dialable("PhoneNoX", b.PhoneNoX)
	d.distinct(b.PhoneNoA, b.PhoneNoB, b.PhoneNoX)
	d.bindCommon(bindCommon{
		b.Expiration, b.ExpectCity, b.IsRecordingEnabled, b.OutID, b.OutOrderID, b.CallRestrict,
		b.CallDisplayType, b.RingConfig, b.ASRStatus, b.ASRModelID,
	})
}

// AXGBatch is what became of each bind, in the order of the answer.
type AXGBatch struct {
	SecretBindList []AXGBatchItem `json:"SecretBindList"`
}

// AXGBatchItem is what became of one bind. PhoneNoA and GroupID tell which.
type AXGBatchItem struct {
	Code     string `json:"Code"`    // OK where it was made
	Message  string `json:"Message"` // the API's words, numbers and links in them masked
	SubsID   string `json:"SubsId,omitzero"`
	SecretNo Phone  `json:"SecretNo,omitzero"` // X
	// Extension says nothing here, and may hold anything: it is masked like a number.
	Extension Phone  `json:"Extension,omitzero"`
	GroupID   string `json:"GroupId,omitzero"`
	PhoneNoA  Phone  `json:"PhoneNoA,omitzero"`
}

// Binding is what was made; all of it is empty where nothing was.
func (i AXGBatchItem) Binding() Binding {
	if i.failure() != nil {
		return Binding{}
	}
	return Binding{SubsID: i.SubsID, SecretNo: i.SecretNo, Extension: i.Extension}
}

// failure says why a bind was not made. OK without a SubsId or X is no answer at all.
func (i AXGBatchItem) failure() *Error {
	const ok = 200 // the HTTP status that the service's own codes come with
	e := &Error{Action: bindBatchAxg, Code: i.Code, Message: i.Message}
	switch {
	case i.Code != CodeOK:
		e.Class = Classify(i.Code, ok, false)
		return e
	case i.SubsID == "" || i.SecretNo == "":
		e.Class, e.Code, e.Message, e.Err = Uncertain, CodeNoAnswer, "", errIncomplete
		return e
	}
	return nil
}

// LogValue implements [slog.LogValuer]: numbers are masked.
func (b AXGBatch) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", b)) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (i AXGBatchItem) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", i)) }

// Validate implements [Request].
func (r BindBatchAXGRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r BindBatchAXGRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r BindBatchAXGRequest) describe(d *description) {
	const name = "AxgBindList"
	d.requiredIdentifier("PoolKey", r.PoolKey)
	if len(r.AxgBindList) == 0 {
		d.required(name, "")
		return
	}
	list := Parameter{Name: name}
	for i, bind := range r.AxgBindList {
		item := description{now: d.now}
		bind.describe(&item)
		d.problems = append(d.problems, within(fmt.Sprintf("%s[%d]", name, i), item.problems)...)
		list.Items = append(list.Items, item.parameters)
	}
	text, _ := json.Marshal(r.AxgBindList) //nolint:errchkjson // strings and numbers can be encoded
	list.Value = string(text)
	// Servers usually take a request line of 8 KiB.
	const mostInURL = 6000
	if len(url.QueryEscape(list.Value)) > mostInURL {
		d.problem(
			name,
			fmt.Sprintf("must have at most %d bytes in a URL", mostInURL),
			"send fewer binds in each call",
		)
	}
	d.add(list)
}

// check tells a batch of which a part was not done from one that was done as a whole.
func (r BindBatchAXGRequest) check(b *AXGBatch) error {
	told := ParametersOf(r)
	e := &PartialError{
		Action:     bindBatchAxg,
		Total:      len(r.AxgBindList),
		Unanswered: max(len(r.AxgBindList)-len(b.SecretBindList), 0),
	}
	for i := range b.SecretBindList {
		item := &b.SecretBindList[i]
		item.Message = told.Scrub(item.Message) // it may repeat what it was told
		if failure := item.failure(); failure != nil {
			e.Items = append(e.Items, ItemError{Index: i, Err: failure})
		}
	}
	if e.Unanswered == 0 && e.Items == nil {
		return nil
	}
	return e
}

// decodeAXGBatch reads the answer. OK without any outcome is no answer at all.
func decodeAXGBatch(body []byte) (AXGBatch, error) {
	var answer struct {
		SecretBindList struct {
			SecretBind []struct {
				Code      loose `json:"Code"`
				Message   loose `json:"Message"`
				SubsID    loose `json:"SubsId"`
				SecretNo  loose `json:"SecretNo"`
				Extension loose `json:"Extension"`
				GroupID   loose `json:"GroupId"`
				PhoneNoA  loose `json:"PhoneNoA"`
			} `json:"SecretBind"`
		} `json:"SecretBindList"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || len(answer.SecretBindList.SecretBind) == 0 {
		return AXGBatch{}, errIncomplete
	}
	var batch AXGBatch
	for _, one := range answer.SecretBindList.SecretBind {
		batch.SecretBindList = append(batch.SecretBindList, AXGBatchItem{
			Code:      Scrub(string(one.Code)),
			Message:   Scrub(string(one.Message)),
			SubsID:    string(one.SubsID),
			SecretNo:  Phone(one.SecretNo),
			Extension: Phone(one.Extension),
			GroupID:   string(one.GroupID),
			PhoneNoA:  Phone(one.PhoneNoA),
		})
	}
	return batch, nil
}
