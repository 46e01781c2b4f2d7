package dypls

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Binding is what a bind made: the API's SecretBindDTO.
type Binding struct {
	SubsID   string `json:"SubsId"`   // names the binding; digits, kept as text
	SecretNo Phone  `json:"SecretNo"` // X, the number that callers see
	// Extension is the extension of an AXN-extension binding. In other bindings the API fills it
	// with anything, a subscriber's real number included: it is masked like one.
	Extension Phone `json:"Extension"`
}

// Masked returns the binding as people may see it.
func (b Binding) Masked() Binding {
	b.SecretNo, b.Extension = Phone(b.SecretNo.Masked()), Phone(b.Extension.Masked())
	return b
}

// LogValue implements [slog.LogValuer]: numbers and links are masked.
func (b Binding) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", b)) }

// decodeBinding reads the answer of the four binds. OK without a SubsId or X is no answer at all.
func decodeBinding(body []byte) (Binding, error) {
	var answer struct {
		SecretBindDTO struct {
			SubsID    loose `json:"SubsId"`
			SecretNo  loose `json:"SecretNo"`
			Extension loose `json:"Extension"`
		} `json:"SecretBindDTO"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Binding{}, errIncomplete
	}
	dto := answer.SecretBindDTO
	if dto.SubsID == "" || dto.SecretNo == "" {
		return Binding{}, errIncomplete
	}
	return Binding{
		SubsID:    string(dto.SubsID),
		SecretNo:  Phone(dto.SecretNo),
		Extension: Phone(dto.Extension),
	}, nil
}
