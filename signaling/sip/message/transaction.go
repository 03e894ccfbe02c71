package message

import (
	"math"
	"strings"
)

// transaction reads the headers that every message has (RFC 3261 §8.1.1): Via, From,
// To, Call-ID, CSeq, and Max-Forwards. All are read, whatever is wrong with one, so
// that an answer has what there is.
func (r *reader) transaction() {
	r.vias()
	r.cseq()
	r.callID()
	r.address(HFrom, &r.m.From)
	r.address(HTo, &r.m.To)
	if r.m.Request {
		r.maxForwards()
	}
}

func (r *reader) vias() {
	n := 0
	for v := range r.m.List(HVia) {
		via, err := ParseVia(v)
		if n == 0 {
			r.m.Via = via
		}
		n++
		switch {
		case err != nil:
			r.fail(bad("Malformed Via Header: " + err.Error()))
		case len(via.Branch()) == len(MagicCookie) && equalFold(via.Branch(), MagicCookie):
			r.fail(bad("Via Branch Without A Transaction"))
		case n > maxVias:
			r.fail(bad("Too Many Via Headers"))
			return
		}
	}
	if n == 0 {
		r.fail(bad("Missing Via Header"))
	}
}

func (r *reader) cseq() {
	m := r.m
	v, ok := m.Get(HCSeq)
	if !ok {
		r.fail(bad("Missing CSeq Header"))
		return
	}
	digits, method := v, ""
	if blank := strings.IndexAny(v, " \t"); blank >= 0 {
		digits, method = v[:blank], trim(v[blank:])
	}
	n, ok := number(digits, math.MaxInt32) // RFC 3261 §8.1.1.5: less than 2^31
	switch {
	case !isToken(method):
		r.fail(bad("Malformed CSeq Header"))
		return
	case !ok:
		r.fail(bad("CSeq Number Out Of Range"))
	case m.Request && method != m.Method:
		r.fail(bad("CSeq Method Does Not Match The Request"))
	}
	m.CSeq, m.CSeqMethod = uint32(n), method
}

func (r *reader) callID() {
	v, ok := r.m.Get(HCallID)
	switch {
	case !ok:
		r.fail(bad("Missing Call-ID Header"))
	case v == "" || strings.ContainsAny(v, " \t,;"):
		r.fail(bad("Malformed Call-ID Header"))
	}
	r.m.CallID = v
}

func (r *reader) address(id HeaderID, into *Address) {
	v, ok := r.m.Get(id)
	if !ok {
		r.fail(bad("Missing " + canonical[id] + " Header"))
		return
	}
	var err error
	if *into, err = ParseAddress(v); err != nil {
		r.fail(bad("Malformed " + canonical[id] + " Header: " + err.Error()))
	}
}

// maxForwards: RFC 3261 §8.1.1.6 demands it, §16.3 lets a request without it pass, for
// the sake of RFC 2543. So it may be missing only where the branch says RFC 2543.
func (r *reader) maxForwards() {
	v, ok := r.m.Get(HMaxForwards)
	if !ok {
		if b := r.m.Via.Branch(); len(b) >= len(MagicCookie) && equalFold(b[:len(MagicCookie)], MagicCookie) {
			r.fail(bad("Missing Max-Forwards Header"))
		}
		return
	}
	n, ok := number(v, 255)
	if !ok {
		r.fail(bad("Max-Forwards Out Of Range"))
		return
	}
	r.m.MaxForwards = int(n)
}

// contacts finds a malformed Contact early; Message.Contacts reads them.
func (r *reader) contacts() {
	for v := range r.m.List(HContact) {
		if v == "*" {
			continue
		}
		if _, err := ParseContact(v); err != nil {
			r.fail(bad("Malformed Contact Header: " + err.Error()))
			return
		}
	}
}

// body cuts the body to Content-Length (RFC 3261 §18.3).
func (r *reader) body() {
	m := r.m
	m.Body = r.rest
	v, ok := m.Get(HContentLength)
	switch {
	case !ok && r.stream:
		r.fail(&Fault{Status: 400, Reason: "Missing Content-Length Header", Close: true})
		return
	case ok:
		n, good := number(v, math.MaxUint32)
		if !good {
			r.fail(&Fault{Status: 400, Reason: "Malformed Content-Length Header", Close: r.stream})
			return
		}
		if n > uint64(r.limits.Body) {
			r.fail(&Fault{Status: 413, Reason: "Request Entity Too Large", Close: r.stream})
			return
		}
		if int(n) > len(m.Body) || r.stream && int(n) != len(m.Body) {
			r.fail(&Fault{Status: 400, Reason: "Content-Length Does Not Match The Body", Close: r.stream})
			return
		}
		m.Body = m.Body[:n]
	}
	if len(m.Body) > r.limits.Body {
		r.fail(&Fault{Status: 413, Reason: "Request Entity Too Large", Close: r.stream})
	}
}
