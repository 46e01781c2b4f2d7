package dypls

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// receiptFields visits the fields of a receipt: to read them, or to show them. The first name is
// the API's, others are those by which a field is known elsewhere.
type receiptFields interface {
	text(to *string, names ...string)
	phone(to *Phone, names ...string)
	personal(to *PersonalText, names ...string)
	link(to *SignedURL, names ...string)
	integer(to **int, names ...string)
	instant(to *Time, names ...string)
	sentences(to *[]Sentence, names ...string)
}

// receiptReader fills fields with what a JSON object says.
type receiptReader struct {
	members map[string]json.RawMessage // by plainName
	unread  []string
}

// newReceiptReader takes apart an object that is valid JSON. Of two members of one name it takes
// the first that says something.
func newReceiptReader(object []byte) *receiptReader {
	members, _ := membersOf(object) // one that is given twice is no problem here
	r := &receiptReader{members: make(map[string]json.RawMessage, len(members))}
	for _, m := range members {
		name := plainName(m.name)
		if isBlank(r.members[name]) {
			r.members[name] = m.value
		}
	}
	return r
}

// plainName is a name without its case and underscores: ring_Time is ring_time, secretNo secret_no.
func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func isBlank(value json.RawMessage) bool {
	return len(value) == 0 || string(value) == "null" || string(value) == `""`
}

func (r *receiptReader) value(names []string) json.RawMessage {
	for _, name := range names {
		if value := r.members[plainName(name)]; !isBlank(value) {
			return value
		}
	}
	return nil
}

// scalar returns the text of a field. What is an object or an array is noted as unread.
func (r *receiptReader) scalar(names []string) string {
	value := r.value(names)
	if value == nil {
		return ""
	}
	var text loose
	if text.UnmarshalJSON(value) != nil {
		r.unread = append(r.unread, names[0])
		return ""
	}
	if value[0] != '"' {
		return plainNumber(string(text))
	}
	return strings.TrimSpace(string(text))
}

// plainNumber writes an integer that came with a fraction or an exponent as digits alone.
func plainNumber(number string) string {
	if !strings.ContainsAny(number, ".eE") {
		return number
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return number
	}
	return strconv.FormatInt(int64(f), 10)
}

func (r *receiptReader) text(to *string, names ...string) { *to = r.scalar(names) }

func (r *receiptReader) phone(to *Phone, names ...string) { *to = Phone(r.scalar(names)) }

func (r *receiptReader) personal(to *PersonalText, names ...string) {
	*to = PersonalText(r.scalar(names))
}

func (r *receiptReader) link(to *SignedURL, names ...string) { *to = SignedURL(r.scalar(names)) }

func (r *receiptReader) integer(to **int, names ...string) {
	text := r.scalar(names)
	if text == "" || text == "null" {
		return
	}
	n, err := strconv.Atoi(plainNumber(text))
	if err != nil {
		r.unread = append(r.unread, names[0])
		return
	}
	*to = &n
}

func (r *receiptReader) instant(to *Time, names ...string) {
	text := r.scalar(names)
	if text == "" || text == "null" || text == "0" {
		return
	}
	at, read := receiptTime(plainNumber(text))
	if !read {
		r.unread = append(r.unread, names[0])
		return
	}
	*to = at
}

// receiptTime reads epoch milliseconds, epoch seconds, or Beijing time, of which a fraction of a
// second is dropped.
func receiptTime(text string) (Time, bool) {
	if isDigits(text) {
		const leastMilliseconds = 100_000_000_000 // 1973; as seconds the year 5138
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil || n > maxUnixSeconds*1000:
			return Time{}, false
		case n >= leastMilliseconds:
			return At(time.UnixMilli(n).UTC()), true
		}
		return At(time.Unix(n, 0).UTC()), true
	}
	if len(text) > len(timeLayout) && text[len(timeLayout)] == '.' &&
		isDigits(text[len(timeLayout)+1:]) {
		text = text[:len(timeLayout)]
	}
	at, err := ParseTime(text)
	if err != nil {
		return Time{}, false
	}
	return Time{at.UTC()}, true
}

func (r *receiptReader) sentences(to *[]Sentence, names ...string) {
	value := r.value(names)
	if value == nil {
		return
	}
	var inner string
	if json.Unmarshal(value, &inner) == nil { // the array as a text
		value = json.RawMessage(inner)
	}
	var records []json.RawMessage
	if json.Unmarshal(value, &records) != nil {
		r.unread = append(r.unread, names[0])
		return
	}
	for _, record := range records {
		if !bytes.HasPrefix(record, []byte("{")) {
			r.unread = append(r.unread, names[0])
			continue
		}
		reader := newReceiptReader(record)
		var sentence Sentence
		sentence.fields(reader)
		r.unread = append(r.unread, reader.unread...)
		*to = append(*to, sentence)
	}
}

// receiptPrinter collects fields that are set, as people may see them.
type receiptPrinter struct{ parameters Parameters }

func (p *receiptPrinter) add(names []string, value string, personal bool) {
	if value != "" {
		p.parameters = append(p.parameters, Parameter{Name: names[0], Value: value, Personal: personal})
	}
}

func (p *receiptPrinter) text(of *string, names ...string) { p.add(names, *of, false) }

func (p *receiptPrinter) phone(of *Phone, names ...string) { p.add(names, string(*of), true) }

func (p *receiptPrinter) personal(of *PersonalText, names ...string) {
	p.add(names, of.Masked(), false)
}

func (p *receiptPrinter) link(of *SignedURL, names ...string) { p.add(names, of.Masked(), false) }

func (p *receiptPrinter) integer(of **int, names ...string) {
	if *of != nil {
		p.add(names, strconv.Itoa(**of), false)
	}
}

func (p *receiptPrinter) instant(of *Time, names ...string) { p.add(names, of.String(), false) }

func (p *receiptPrinter) sentences(of *[]Sentence, names ...string) {
	if len(*of) > 0 {
		p.add(names, strconv.Itoa(len(*of)), false)
	}
}

// maskedFields are the fields that are set, as people may see them: a number of the receipt's own
// is hidden in every field.
func maskedFields(body interface{ fields(v receiptFields) }) Parameters {
	var p receiptPrinter
	body.fields(&p)
	own := p.parameters.Personal()
	for i := range p.parameters {
		field := &p.parameters[i]
		if !field.Personal {
			const tooShort = 5 // to be somebody's number
			for _, number := range own {
				if len(number) >= tooShort {
					field.Value = strings.ReplaceAll(field.Value, number, Phone(number).Masked())
				}
			}
		}
		*field = Parameter{Name: field.Name, Value: field.Masked()}
	}
	return p.parameters
}

func maskedText(body interface{ fields(v receiptFields) }) string {
	var text strings.Builder
	for i, field := range maskedFields(body) {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(field.Name + "=" + field.Value)
	}
	return text.String()
}
