package dypls

import "strings"

// maxMessage is enough for every documented message; a gateway's "string to sign" is cut.
const maxMessage = 300

// Scrub makes free text from outside fit to be shown: links are cut to their host, also those that
// lack their scheme, digits that could be a telephone number are masked, however it is written, and
// what is over 300 characters is dropped. Times, UUIDs, IP addresses and durations stay as they
// are.
func Scrub(text string) string { return scrub(text, nil) }

// Scrub is [Scrub] for what comes back from a call with these parameters: their own numbers are
// masked, too, where they are shorter than what any text must hide, or look like something else.
func (p Parameters) Scrub(text string) string {
	const tooShort = 5 // to be somebody's number; to hide it would only garble the text
	var own []string
	for _, number := range p.Personal() {
		if len(number) < tooShort {
			continue
		}
		text = strings.ReplaceAll(text, number, Phone(number).Masked())
		if digits := digitsOf(number); len(digits) >= tooShort {
			own = append(own, digits)
		}
	}
	return scrub(text, own)
}

func scrub(text string, own []string) string {
	text = maskNumbers(maskLinks(text), own)
	shown := 0
	for i := range text {
		if shown == maxMessage {
			return strings.ToValidUTF8(text[:i], "\ufffd") + "..."
		}
		shown++
	}
	return text
}
