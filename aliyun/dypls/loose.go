package dypls

import "encoding/json"

// loose is a text that some of the API's pages and SDKs show as a number or a boolean.
type loose string

func (l *loose) UnmarshalJSON(data []byte) error {
	switch {
	case len(data) > 0 && data[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*l = loose(s)
	case string(data) == "null":
		*l = ""
	case len(data) > 0 && (data[0] == '{' || data[0] == '['):
		return errIncomplete
	default:
		*l = loose(data)
	}
	return nil
}
