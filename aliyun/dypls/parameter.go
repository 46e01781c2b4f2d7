package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Parameter is one request parameter under the API's own name, as it goes on the wire.
type Parameter struct {
	Name  string
	Value string
	// Personal marks a telephone number, or several with commas between them: never shown whole.
	Personal bool
	// Items are the parameters of each item, where Value is a JSON list of requests.
	Items []Parameters
	// Time is the instant that Value writes, for a parameter that is one.
	Time time.Time
}

// Masked returns the value as people may see it. Callers write numbers into their order numbers,
// too.
func (p Parameter) Masked() string {
	switch {
	case p.Personal:
		numbers := strings.Split(p.Value, ",")
		for i, number := range numbers {
			numbers[i] = Phone(number).Masked()
		}
		return strings.Join(numbers, ",")
	case p.Items != nil:
		return fmt.Sprint(p.Items)
	}
	return maskMobiles(p.Value)
}

// Format implements [fmt.Formatter]: every verb prints the masked value.
func (p Parameter) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.Name+"="+p.Masked()) }

// LogValue implements [slog.LogValuer].
func (p Parameter) LogValue() slog.Value { return slog.StringValue(p.Masked()) }

// Parameters are a request's parameters that are set, in the order of the API's documentation.
type Parameters []Parameter

// LogValue implements [slog.LogValuer]: a group of the parameters' names and masked values.
func (p Parameters) LogValue() slog.Value {
	group := make([]slog.Attr, len(p))
	for i := range p {
		group[i] = slog.String(p[i].Name, p[i].Masked())
	}
	return slog.GroupValue(group...)
}

// ParametersOf returns what a request puts on the wire: strings as they are, booleans true or
// false, integers decimal, times in Beijing time; what is unset is left out.
func ParametersOf(r Request) Parameters {
	return describe(r, time.Time{}).parameters
}

// Value returns the wire value of a parameter, "" when it is not set.
func (p Parameters) Value(name string) string {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value
		}
	}
	return ""
}

// Time returns the instant of a parameter, the zero time when it is not set.
func (p Parameters) Time(name string) time.Time {
	for i := range p {
		if p[i].Name == name {
			return p[i].Time
		}
	}
	return time.Time{}
}

// Personal returns the values that are personal data.
func (p Parameters) Personal() []string {
	var values []string
	for i := range p {
		if p[i].Personal {
			values = append(values, strings.Split(p[i].Value, ",")...)
		}
		for _, item := range p[i].Items {
			values = append(values, item.Personal()...)
		}
	}
	return values
}

// Masked returns the parameters by name, as people may see them.
func (p Parameters) Masked() map[string]string {
	masked := make(map[string]string, len(p))
	for i := range p {
		masked[p[i].Name] = p[i].Masked()
	}
	return masked
}
