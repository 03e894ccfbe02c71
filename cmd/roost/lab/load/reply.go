package load

import (
	"bytes"
	"errors"
	"strconv"
)

// reply is what is read of an answer; the slices point into it.
type reply struct {
	status  int
	branch  []byte
	callID  []byte
	cseq    uint32
	nonce   []byte // of the challenge with the script's realm and algorithm
	stale   bool
	contact []byte // the first one's URI
	lease   int    // its expires, -1 if it has none
	body    int    // Content-Length
}

var (
	errNoResponse = errors.New("not a SIP response")
	errNoHeader   = errors.New("Via, Call-ID or CSeq is missing")
)

// read reads the header of an answer.
func (r *reply) read(b []byte, s *script) error {
	*r = reply{lease: -1}
	line, rest := cutLine(b)
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("SIP/2.0 ")) {
		return errNoResponse
	}
	status, ok := number(line[8:11])
	if !ok || status < 100 {
		return errNoResponse
	}
	r.status = status
	for {
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 {
			continue
		}
		r.header(line[:colon], bytes.TrimSpace(line[colon+1:]), s)
	}
	if r.branch == nil || r.callID == nil || r.cseq == 0 {
		return errNoHeader
	}
	return nil
}

func (r *reply) header(name, value []byte, s *script) {
	switch {
	case is(name, "via", "v"):
		if r.branch == nil {
			r.branch = param(value, ";branch=")
		}
	case is(name, "call-id", "i"):
		r.callID = value
	case is(name, "cseq", ""):
		digits, method, _ := bytes.Cut(value, []byte(" "))
		if n, err := strconv.ParseUint(string(digits), 10, 32); err == nil && string(method) == "REGISTER" {
			r.cseq = uint32(n)
		}
	case is(name, "contact", "m"):
		if r.contact == nil {
			r.readContact(value)
		}
	case is(name, "www-authenticate", ""):
		r.challenge(value, s)
	case is(name, "content-length", "l"):
		r.body, _ = number(value)
	}
}

func (r *reply) readContact(value []byte) {
	_, after, ok := bytes.Cut(value, []byte("<"))
	if !ok {
		return
	}
	uri, after, ok := bytes.Cut(after, []byte(">"))
	if !ok {
		return
	}
	r.contact = uri
	if n, ok := number(param(after, ";expires=")); ok {
		r.lease = n
	}
}

// challenge takes the nonce, if it is a challenge that the script answers.
func (r *reply) challenge(value []byte, s *script) {
	algorithm := param(value, "algorithm=")
	if len(algorithm) == 0 {
		algorithm = []byte("MD5")
	}
	if !bytes.Equal(param(value, "realm="), s.realm) || !bytes.EqualFold(algorithm, []byte(s.digest.name)) {
		return
	}
	r.nonce = param(value, "nonce=")
	r.stale = bytes.EqualFold(param(value, "stale="), []byte("true"))
}

func cutLine(b []byte) (line, rest []byte) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return bytes.TrimSuffix(b, []byte("\r")), nil
	}
	return bytes.TrimSuffix(b[:end], []byte("\r")), b[end+1:]
}

// is compares a header's name with its long and its compact form.
func is(name []byte, long, compact string) bool {
	if len(name) == 1 {
		return compact != "" && name[0]|0x20 == compact[0]
	}
	return len(name) == len(long) && bytes.EqualFold(name, []byte(long))
}

// param is the value behind a parameter's name and equals sign, without quotes.
func param(b []byte, name string) []byte {
	at := bytes.Index(b, []byte(name))
	if at < 0 {
		return nil
	}
	// "nonce=" is not to be found in "cnonce=".
	if c := name[0]; c != ';' && at > 0 && b[at-1] != ' ' && b[at-1] != ',' && b[at-1] != '\t' {
		return nil
	}
	b = b[at+len(name):]
	if len(b) > 0 && b[0] == '"' {
		end := bytes.IndexByte(b[1:], '"')
		if end < 0 {
			return nil
		}
		return b[1 : 1+end]
	}
	if end := bytes.IndexAny(b, ";, \t"); end >= 0 {
		return b[:end]
	}
	return b
}

func number(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(b) > 0
}
