package aliyun

import (
	"bytes"
	"strconv"
	"strings"
)

// plainAnswer reads the head of an answer of the most usual form, at a tenth of what parsing it takes: a final status, and a body
// whose length one Content-Length tells. It returns how long head and body are. Whatever is not plain beyond doubt is not plain.
func plainAnswer(received []byte) (head, length int, plain bool) {
	const lineEnd, statusLine = "\r\n", "HTTP/1.1 200 OK"
	end := bytes.Index(received, []byte(lineEnd+lineEnd))
	if end < 0 {
		return 0, 0, false
	}
	status, fields, _ := strings.Cut(string(received[:end]), lineEnd)
	if status != statusLine {
		return 0, 0, false
	}
	found := false
	for line := range strings.SplitSeq(fields, lineEnd) {
		name, value, isField := strings.Cut(line, ":")
		if !isField || !isFieldName(name) || !isPrintable(value) {
			return 0, 0, false
		}
		switch {
		case strings.EqualFold(name, "Content-Length"):
			n, err := strconv.ParseUint(strings.TrimPrefix(value, " "), 10, 31)
			if err != nil || found {
				return 0, 0, false
			}
			length, found = int(n), true
		case strings.EqualFold(name, "Transfer-Encoding"):
			return 0, 0, false
		}
	}
	return end + len(lineEnd+lineEnd), length, found
}

func isFieldName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

func isPrintable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}
