package dypls

import "regexp"

var (
	longDigits = regexp.MustCompile(`\p{Nd}{7,}`)
	anyURL     = regexp.MustCompile(`(?i)https?(?::|%(?:25)*3A)(?:/|%(?:25)*2F){2}[^\s"'<>]*`)
)

// maxMessage is enough for every documented message; a gateway's "string to sign" is cut.
const maxMessage = 300

// Scrub makes free text from outside fit to be shown: links are cut to their host,
// runs of digits that could be a telephone number are masked, and what is over 300 characters is dropped.
func Scrub(text string) string {
	text = anyURL.ReplaceAllStringFunc(text, func(u string) string { return SignedURL(u).Masked() })
	text = longDigits.ReplaceAllStringFunc(text, func(n string) string { return Phone(n).Masked() })
	runes := []rune(text)
	if len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "..."
	}
	return text
}
