package flow

import "bytes"

// framer finds the end of each message on a stream (RFC 3261 §18.3, §7.5). It keeps no
// bytes; it remembers how far the same bytes were searched, so that a message that
// comes byte by byte costs no more than one that comes at once.
type framer struct {
	header, body int
	searched     int
}

var (
	crlf      = []byte("\r\n")
	emptyLine = []byte("\r\n\r\n")
)

// next looks at b, which begins with a start line. size is the length of the whole
// message once it is all there, else 0; err tells that it can never be cut, and size
// is then what there is of the header.
func (f *framer) next(b []byte) (size int, err error) {
	from := max(f.searched-len(emptyLine)+1, 0)
	end := bytes.Index(b[from:], emptyLine)
	if end < 0 {
		if len(b) > f.header {
			return f.header, ErrHeaderTooLarge
		}
		f.searched = len(b)
		return 0, nil
	}
	end += from + len(emptyLine)
	f.searched = end - 1
	if end > f.header {
		return f.header, ErrHeaderTooLarge
	}
	length, err := contentLength(b[:end-len(crlf)])
	switch {
	case err != nil:
		return end, err
	case length > f.body:
		return end, ErrBodyTooLarge
	case len(b) < end+length:
		return 0, nil
	}
	f.searched = 0
	return end + length, nil
}

// contentLength reads the one Content-Length of a header. Lines end with CRLF; a
// folded value is joined. It reads a name as message.Parse does (any case, compact,
// white space before the colon), so that both see the same length; what it lets pass
// and Parse does not is refused there, and the stream closed.
func contentLength(header []byte) (int, error) {
	length, found := 0, false
	for len(header) > 0 {
		var line []byte
		line, header, _ = bytes.Cut(header, crlf)
		for len(header) > 0 && (header[0] == ' ' || header[0] == '\t') {
			var fold []byte
			fold, header, _ = bytes.Cut(header, crlf)
			line = append(line[:len(line):len(line)], fold...)
		}
		name, value, colon := bytes.Cut(line, []byte{':'})
		if !colon || !isContentLength(bytes.TrimRight(name, " \t")) {
			continue
		}
		n, ok := decimal(bytes.Trim(value, " \t"))
		if found || !ok {
			return 0, ErrContentLength
		}
		length, found = n, true
	}
	if !found {
		return 0, ErrNoContentLength
	}
	return length, nil
}

func isContentLength(name []byte) bool {
	const long = "Content-Length"
	switch len(name) {
	case 1:
		return name[0]|0x20 == 'l'
	case len(long):
		return bytes.EqualFold(name, []byte(long))
	}
	return false
}

// decimal reads a number of at most nine digits, leading zeros not counted.
func decimal(s []byte) (int, bool) {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
