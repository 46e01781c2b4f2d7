package dypls

import (
	"regexp"
	"strings"
)

var (
	anyURL = regexp.MustCompile(`(?i)https?(?::|%(?:25)*3A)(?:/|%(?:25)*2F){2}[^\s"'<>]*`)
	// noScheme is a link that takes its scheme from the page it is on.
	noScheme = regexp.MustCompile(`(?i)(?:^|[^\w:/%])(?:/|%(?:25)*2F){2}[^\s"'<>/%][^\s"'<>]*`)
	// signed is a parameter by which a link lets in whoever has it.
	signed = regexp.MustCompile(
		`(?i)(?:[?&]|%(?:25)*(?:3F|26))(?:Signature|Expires|OSSAccessKeyId|security-token|x-(?:oss|amz)-[a-z-]+)(?:=|%(?:25)*3D)`,
	)
)

const linkEnds = " \t\r\n\v\f\"'<>"

// maskLinks cuts links to their host.
func maskLinks(text string) string {
	if containsHTTP(text) {
		text = anyURL.ReplaceAllStringFunc(text, func(u string) string { return SignedURL(u).Masked() })
	}
	if mayLackScheme(text) {
		text = noScheme.ReplaceAllStringFunc(text, maskNoScheme)
	}
	if strings.ContainsAny(text, "?&%") {
		text = maskSigned(text)
	}
	return text
}

func containsHTTP(text string) bool {
	for i := 0; i+len("http") < len(text); i++ {
		if text[i]|0x20 == 'h' && strings.EqualFold(text[i:i+len("http")], "http") {
			return true
		}
	}
	return false
}

// mayLackScheme is a quick look: nearly all slashes stand behind a colon.
func mayLackScheme(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '/' && text[i+1] == '/' && (i == 0 || text[i-1] != ':' && text[i-1] != '/') {
			return true
		}
	}
	for _, pair := range []string{"2F%", "2f%", "2F/", "2f/", "/%2"} {
		if strings.Contains(text, pair) {
			return true
		}
	}
	return false
}

// maskNoScheme masks a link, and keeps what stands before it.
func maskNoScheme(match string) string {
	start := strings.IndexAny(match, "/%")
	host := strings.TrimLeft(match[start:], "/")
	if strings.HasPrefix(host, "%") {
		return match[:start] + "***"
	}
	return match[:start] + "//" + hostAlone(host)
}

// maskSigned masks links that begin with their host.
func maskSigned(text string) string {
	var masked strings.Builder
	for {
		at := signed.FindStringIndex(text)
		if at == nil {
			break
		}
		start := strings.LastIndexAny(text[:at[0]], linkEnds) + 1
		end := len(text)
		if after := strings.IndexAny(text[at[1]:], linkEnds); after >= 0 {
			end = at[1] + after
		}
		masked.WriteString(text[:start] + hostAlone(text[start:end]))
		text = text[end:]
	}
	if masked.Len() == 0 {
		return text
	}
	return masked.String() + text
}

// hostAlone masks all of a link but its host, which stands first.
func hostAlone(link string) string {
	const scheme, hidden = "http://", "***"
	masked := strings.TrimPrefix(SignedURL(scheme+link).Masked(), scheme)
	if masked == "/"+hidden {
		return hidden
	}
	return masked
}
