package dypls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a JSON value is, in words.
const (
	anObject = "an object"
	anArray  = "an array"
	aString  = "a string"
	noValue  = "nothing"
)

func kindOf(value []byte) string {
	switch value = bytes.TrimSpace(value); {
	case len(value) == 0:
		return noValue
	case value[0] == '{':
		return anObject
	case value[0] == '[':
		return anArray
	case value[0] == '"':
		return aString
	case value[0] == 'n':
		return "null"
	case value[0] == 't', value[0] == 'f':
		return "true or false"
	}
	return "a number"
}

// syntaxProblem says where a text stops being JSON, and by what slip, never what stands there.
func syntaxProblem(data []byte) Problem {
	if p, found := EncodingProblem(data); found {
		return p
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return Problem{
			Rule:   "the input must be one JSON object of the API's parameters, not nothing",
			Remedy: `write {"PoolKey":"FC...", ...}`,
		}
	}
	at := len(data)
	var value json.RawMessage
	if !errors.Is(json.NewDecoder(bytes.NewReader(data)).Decode(&value), io.ErrUnexpectedEOF) {
		if syntax, is := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &value)); is {
			at = min(max(int(syntax.Offset)-1, 0), len(data))
		}
	}
	cause, remedy := slip(data, at)
	return Problem{
		Rule:   fmt.Sprintf("the input is not JSON: %s at %s", cause, position(data, at)),
		Remedy: remedy,
	}
}

// EncodingProblem recognises, by its first bytes, what is often taken for a text in UTF-8, and says
// what to do about it.
func EncodingProblem(data []byte) (Problem, bool) {
	name, remedy := otherEncoding(data)
	return Problem{Rule: "the input must be UTF-8 text, not " + name, Remedy: remedy}, name != ""
}

func otherEncoding(data []byte) (name, remedy string) {
	begins := func(mark string) bool { return bytes.HasPrefix(data, []byte(mark)) }
	switch {
	case begins("\x1f\x8b"):
		return "gzip", "unpack it with gunzip"
	case begins("PK\x03\x04"):
		return "a ZIP archive or a spreadsheet", "unpack it, or export its text"
	case begins("\xff\xfe\x00\x00"), begins("\x00\x00\xfe\xff"):
		return "UTF-32", "save it as UTF-8"
	case begins("\xff\xfe"), begins("\xfe\xff"), len(data) > 1 && (data[0] == 0) != (data[1] == 0):
		return "UTF-16", "save it as UTF-8"
	case bytes.IndexByte(data, 0) >= 0:
		return "binary data", "give a text file"
	}
	return "", ""
}

// position is a place in a text, for people: its line where there are several, and its character.
func position(data []byte, at int) string {
	at = min(at, len(data))
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	character := 1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1:at])
	if bytes.IndexByte(bytes.TrimSpace(data), '\n') < 0 {
		return fmt.Sprintf("character %d", character)
	}
	return fmt.Sprintf("line %d, character %d", line, character)
}

// words are what other languages have for a value.
var words = map[string]string{
	"NaN":       "null",
	"-Infinity": "null",
	"Infinity":  "null",
	"None":      "null",
	"undefined": "null",
	"nil":       "null",
	"NULL":      "null",
	"Null":      "null",
	"True":      "true",
	"TRUE":      "true",
	"yes":       "true",
	"False":     "false",
	"FALSE":     "false",
	"no":        "false",
}

// signs are what stands where JSON allows it not, whatever is around it.
var signs = []struct{ any, cause, remedy string }{
	{"'", "single quotes", "write double quotes"},
	{"“”„‟＂「」", "quotes that are not ASCII", `write "`},
	{"，：｛｝［］", "full-width punctuation", "write it in ASCII"},
	{"/#", "a comment, which JSON does not have", "remove it"},
}

// slip guesses by what slip of the pen a text stops being JSON at a place.
func slip(data []byte, at int) (cause, remedy string) {
	if at >= len(data) {
		return "an end that comes too early", "close the quote, the bracket or the brace that was opened"
	}
	r, _ := utf8.DecodeRune(data[at:])
	if before := data[:at]; json.Valid(before) {
		if r == ',' {
			return "a comma behind the object", "remove it: lines need none between them"
		}
		return "something after the JSON value", "write one object a line"
	}
	for _, s := range signs {
		if strings.ContainsRune(s.any, r) {
			return s.cause, s.remedy
		}
	}
	switch last := lastSign(data[:at]); {
	case r > unicode.MaxASCII && isSpace(r):
		return "white space that JSON does not know", "remove the space"
	case strings.ContainsRune("}],", r) && last == ',':
		return "a comma too many", "remove the comma"
	case unicode.IsControl(r) && inString(data[:at]):
		return "a line break or a control character within a string", `write \n for a line break, or remove it`
	case last == '\\' && data[at-1] == '\\':
		return "a backslash before a sign that needs none", `write \\ for a backslash`
	}
	return slipOfAWord(data, at)
}

// slipOfAWord goes on where the sign alone does not tell.
func slipOfAWord(data []byte, at int) (cause, remedy string) {
	start, end := at, at
	for start > 0 && isWordByte(data[start-1]) { // the word may begin well, as null does
		start--
	}
	for end < len(data) && isWordByte(data[end]) {
		end++
	}
	word, last := string(data[start:end]), lastSign(data[:start])
	switch inPlace := strings.IndexByte("{,:[", last) >= 0; {
	case words[word] != "" && inPlace && last != '{':
		return word + ", which is no value in JSON",
			"write " + words[word] + ", or leave the parameter out"
	case strings.HasPrefix(word, "0"):
		return "a number that begins with 0", "put it in quotes"
	case word != "" && inPlace:
		return "a word without quotes", "put it in double quotes"
	case data[at] == '"':
		return "a comma or a colon that is missing", "write a comma between parameters, a colon behind a name"
	}
	return "something that does not belong there", "check what stands there, and just before it"
}

// lastSign is the last character that is no white space; 0 where there is none.
func lastSign(data []byte) byte {
	data = bytes.TrimRightFunc(data, unicode.IsSpace)
	if len(data) == 0 {
		return 0
	}
	return data[len(data)-1]
}

// inString reports whether what comes next stands within a string.
func inString(before []byte) bool {
	within := false
	for i := 0; i < len(before); i++ {
		switch {
		case before[i] == '"':
			within = !within
		case before[i] == '\\' && within:
			i++
		}
	}
	return within
}

func isWordByte(b byte) bool {
	return strings.IndexByte("_+-.", b) >= 0 || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' ||
		b >= 'a' && b <= 'z'
}
