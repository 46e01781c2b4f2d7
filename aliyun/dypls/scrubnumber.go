package dypls

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// leastDigits is what a telephone number has at least.
	leastDigits = 7
	// mostBetween is how many blanks, hyphens and their like may stand between two digits of one
	// number.
	mostBetween = 3
)

// maskNumbers masks what could be a telephone number, with whatever people or programs put between
// its digits, and those runs of digits that hold one of its own.
func maskNumbers(text string, own []string) string {
	if len(own) == 0 && !hasDigits(text, leastDigits) {
		return text
	}
	var masked strings.Builder
	copied, token := 0, true // token: a word may begin here
	for i := 0; i < len(text); {
		if token && isUUID(text[i:]) && !holds(digitsOf(text[i:i+uuidLength]), own) {
			i, token = i+uuidLength, false
			continue
		}
		if width, word, skipped := skipGlyph(text[i:]); skipped {
			i, token = i+width, word
			continue
		}
		run, end := readRun(text[i:])
		end += i
		hidden := utf8.RuneCountInString(run) >= leastDigits
		if hidden && !holds(run, own) {
			if ordinary := ordinaryLength(text[i:]); ordinary > 0 {
				i, token = i+ordinary, false
				continue
			}
		}
		if hidden || holds(run, own) {
			masked.WriteString(text[copied:i])
			masked.WriteString(Phone(run).Masked())
			copied = end
		}
		i, token = end, false
	}
	if copied == 0 {
		return text
	}
	return masked.String() + text[copied:]
}

// hasDigits is a quick look whether there are so many digits at all, which most texts do not have.
func hasDigits(text string, least int) bool {
	for i := range len(text) {
		if b := text[i]; '0' <= b && b <= '9' ||
			b >= utf8.RuneSelf { // beyond ASCII there may be digits in every byte
			if least--; least == 0 {
				return true
			}
		}
	}
	return false
}

// holds tells whether digits are, or surround, one of the numbers.
func holds(digits string, own []string) bool {
	for _, number := range own {
		if strings.Contains(strings.Map(asciiDigit, digits), number) {
			return true
		}
	}
	return false
}

// digitsOf returns the digits alone.
func digitsOf(text string) string {
	var digits strings.Builder
	for text != "" {
		what, r, width := nextGlyph(text)
		if what == digit {
			digits.WriteRune(asciiDigit(r))
		}
		text = text[width:]
	}
	return digits.String()
}

// readRun reads digits, and what stands between them, from the first one on. It returns the digits
// and where they end.
func readRun(text string) (digits string, end int) {
	for d, e := range groups(text) {
		digits, end = d, e
	}
	return digits, end
}

// groups reads digits as readRun does. It yields those so far, and where they end, behind each
// group that stands together.
func groups(text string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		var run strings.Builder
		between, end, told := 0, 0, 0
		for i := 0; i < len(text) && between <= mostBetween; {
			what, r, width := nextGlyph(text[i:])
			i += width
			if what == digit {
				run.WriteRune(r)
				between, end = 0, i
				continue
			}
			if told < end && !yield(run.String(), end) || what == other {
				return
			}
			told = end
			if what == separator {
				between++
			}
		}
		if told < end {
			yield(run.String(), end)
		}
	}
}

// skipGlyph steps over what begins a text where that is no digit. word: a word may begin behind it.
func skipGlyph(text string) (width int, word, skipped bool) {
	what, _, width := nextGlyph(text)
	if what == digit {
		return 0, false, false
	}
	r, _ := utf8.DecodeRuneInString(text)
	return width, !unicode.IsLetter(r) && r != '-', true
}

// maskMobiles masks mobile numbers, with whatever people put between their digits. Other runs of
// digits are ids, which people need.
func maskMobiles(text string) string {
	if !hasDigits(text, mobileDigits) {
		return text
	}
	var masked strings.Builder
	copied, token := 0, true // token: a word may begin here
	for i := 0; i < len(text); {
		if token && isUUID(text[i:]) {
			i, token = i+uuidLength, false
			continue
		}
		if width, word, skipped := skipGlyph(text[i:]); skipped {
			i, token = i+width, word
			continue
		}
		number, end := readMobile(text[i:])
		if number != "" {
			masked.WriteString(text[copied:i])
			masked.WriteString(Phone(number).Masked())
			copied = i + end
		}
		i, token = i+end, false
	}
	if copied == 0 {
		return text
	}
	return masked.String() + text[copied:]
}

const mobileDigits = 11

var mobile = regexp.MustCompile(`^(?:0{0,2}86)?1[3-9]\p{Nd}{9}$`)

// readMobile reads a mobile number that text begins with, and where it ends; "" for none, and where
// the first group of digits ends.
func readMobile(text string) (number string, end int) {
	for digits, e := range groups(text) {
		if mobile.MatchString(strings.Map(asciiDigit, digits)) {
			return digits, e
		}
		if end == 0 {
			end = e
		}
		if utf8.RuneCountInString(digits) > mobileDigits+len("0086") {
			break
		}
	}
	return "", end
}

// glyph is what a character means to a number.
type glyph int

const (
	other     glyph = iota
	digit           // of any script
	separator       // a blank, a hyphen and the like
	nothing         // is not seen at all, such as a zero-width space
)

// nextGlyph reads one character, which may be percent-encoded, and more than once.
func nextGlyph(text string) (what glyph, r rune, width int) {
	if text[0] < utf8.RuneSelf && text[0] != '%' {
		return glyphOf(rune(text[0])), rune(text[0]), 1
	}
	if text[0] != '%' {
		r, width = utf8.DecodeRuneInString(text)
		return glyphOf(r), r, width
	}
	var encoded [utf8.UTFMax]byte
	n := 0
	for n < len(encoded) {
		b, length := decodeByte(text[width:])
		if length == 0 || n > 0 && utf8.RuneStart(b) {
			break
		}
		encoded[n], n, width = b, n+1, width+length
		if b < utf8.RuneSelf {
			break
		}
	}
	if n == 0 || encoded[0] < ' ' && encoded[0] != '\t' { // a percent sign
		return other, '%', 1
	}
	r, _ = utf8.DecodeRune(encoded[:n])
	return glyphOf(r), r, width
}

// decodeByte reads %20, %2520 and so on; 0 for what is none.
func decodeByte(text string) (b byte, length int) {
	if text == "" || text[0] != '%' {
		return 0, 0
	}
	i := 1
	for strings.HasPrefix(text[i:], "25") {
		i += len("25")
	}
	if len(text) >= i+2 {
		high, isHigh := hexValue(text[i])
		low, isLow := hexValue(text[i+1])
		if isHigh && isLow {
			return high<<4 | low, i + 2
		}
	}
	if i > 1 {
		return '%', i
	}
	return 0, 0
}

func hexValue(b byte) (value byte, isHex bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func glyphOf(r rune) glyph {
	switch {
	case '0' <= r && r <= '9':
		return digit
	case strings.ContainsRune(" \t-.()+", r):
		return separator
	case r < utf8.RuneSelf, unicode.Is(unicode.Han, r), r == utf8.RuneError:
		return other
	case unicode.IsDigit(r):
		return digit
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		return nothing
	case unicode.In(r, unicode.Zs, unicode.Pd), strings.ContainsRune("（）．＋−·・", r):
		return separator
	}
	return other
}

// asciiDigit writes full-width digits as ASCII has them.
func asciiDigit(r rune) rune {
	if '０' <= r && r <= '９' {
		return r - '０' + '0'
	}
	return r
}

const uuidLength = 36

// isUUID tells whether text begins with one.
func isUUID(text string) bool {
	if len(text) < uuidLength {
		return false
	}
	for i := range uuidLength {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return false
			}
			continue
		}
		if _, isHex := hexValue(text[i]); !isHex {
			return false
		}
	}
	if len(text) == uuidLength {
		return true
	}
	_, isHex := hexValue(text[uuidLength])
	return !isHex && text[uuidLength] != '-'
}

// ordinary are what people must be able to read although it has seven digits and more.
var ordinary = regexp.MustCompile(`^(?:` +
	// A date, and a time of day.
	`(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])` +
	`(?:(?:[T ]|%(?:25)*20)(?:[01]\d|2[0-4])(?:(?::|%(?:25)*3A)[0-5]\d){1,2}(?:\.\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?)?` +
	// An IP address.
	`|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)` +
	// A duration.
	`|\d{1,4}\.\d{1,9}(?:ns|us|µs|ms|s|m|h)` +
	`)`)

// ordinaryLength returns how long the ordinary thing is that text begins with, 0 where it is the
// beginning of more digits.
func ordinaryLength(text string) int {
	length := len(ordinary.FindString(text))
	if length == 0 {
		return 0
	}
	rest := text[length:]
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, ".") {
		rest = rest[1:]
	}
	if rest == "" {
		return length
	}
	what, r, _ := nextGlyph(rest)
	if what == digit || len(rest) == len(text)-length && 'a' <= r|0x20 && r|0x20 <= 'z' {
		return 0
	}
	return length
}
