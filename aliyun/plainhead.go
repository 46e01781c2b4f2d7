package aliyun

import (
	"strconv"
	"strings"
)

// plainHead is what the head of an answer of the usual form says.
type plainHead struct {
	length  int // of the body, where it does not come in chunks
	chunked bool
}

// readPlainHead reads a head, without the empty line at its end: a final status that has a body,
// and either one Content-Length or chunks. Whatever is not plain beyond doubt is not plain.
func readPlainHead(head []byte) (_ plainHead, plain bool) {
	status, fields, _ := strings.Cut(string(head), lineEnd)
	if !isPlainStatus(status) {
		return plainHead{}, false
	}
	var read plainHead
	found := 0
	for line := range strings.SplitSeq(fields, lineEnd) {
		name, value, isField := strings.Cut(line, ":")
		if !isField || !isFieldName(name) || !isPrintable(value) {
			return plainHead{}, false
		}
		value = strings.TrimPrefix(value, " ")
		switch {
		case strings.EqualFold(name, "Content-Length"):
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return plainHead{}, false
			}
			read.length, found = int(n), found+1
		case strings.EqualFold(name, "Transfer-Encoding"):
			if !strings.EqualFold(value, "chunked") {
				return plainHead{}, false
			}
			read.chunked, found = true, found+1
		}
	}
	return read, found == 1
}

// isPlainStatus accepts HTTP/1.1 and a final status, but for those that have no body whatever the
// head says.
func isPlainStatus(line string) bool {
	code, isHTTP := strings.CutPrefix(line, "HTTP/1.1 ")
	code, reason, _ := strings.Cut(code, " ")
	if !isHTTP || len(code) != 3 || code[0] < '2' || code[0] > '5' || !isPrintable(reason) {
		return false
	}
	if _, err := strconv.ParseUint(code, 10, 16); err != nil {
		return false
	}
	return code != "204" && code != "304"
}

func isFieldName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

func isPrintable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}
