package sip

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// work is what the handling of one message needs. It is used again for later
// messages, so that a refresh allocates little; nothing of it outlives Handle.
type work struct {
	e  *Endpoint
	in *flow.Inbound
	m  message.Message

	now    time.Time
	peer   Peer
	number registrar.Number // claimed by To (REGISTER) or From
	agent  string
	// oneChallenge is the Decision's, answered the algorithm that the phone used.
	oneChallenge bool
	answered     credentials.Algorithm
	proven       bool // the request proved its credentials, so its source is not spoofed
	status       int  // what was answered, 0: nothing
	question     Question
	request      Registering
	answer       Answer
	contacts     []registrar.Contact
	auth         []string
	header       []message.HeaderLine
	scratch      []byte
}

func (w *work) begin(e *Endpoint, in *flow.Inbound) {
	w.e, w.in = e, in
	w.now = in.At
	w.peer = peerOf(in)
	w.number, w.agent, w.proven, w.status = "", "", false, 0
	w.oneChallenge, w.answered = false, 0
}

// end lets go of everything that points into the message.
func (w *work) end() {
	w.in = nil
	w.question = Question{}
	clear(w.contacts)
	clear(w.auth)
	clear(w.header)
	clear(w.answer.Result.Bound)
	clear(w.answer.Result.Changes)
	w.request = Registering{}
	w.answer = Answer{Result: registrar.Result{
		Bound: w.answer.Result.Bound[:0], Changes: w.answer.Result.Changes[:0],
	}}
	w.contacts, w.auth, w.header = w.contacts[:0], w.auth[:0], w.header[:0]
}

// line adds a header line to the answer under way.
func (w *work) line(name, value string) {
	w.header = append(w.header, message.HeaderLine{Name: name, Value: value})
}

// reply answers without a transaction: the same request gives the same answer,
// with the same To tag (RFC 3261 8.2.7).
func (w *work) reply(status int, phrase string) { w.replyTagged(status, phrase, w.toTag()) }

func (w *work) replyTagged(status int, phrase, tag string) {
	w.status = status
	if phrase == "" {
		phrase = phraseOf(status)
	}
	if w.e.o.Product != "" && status != 401 {
		w.line("Server", w.e.o.Product)
	}
	w.in.Answer = message.AppendResponse(w.in.Answer[:0], &w.m, message.Reply{
		Status: status, Reason: phrase, ToTag: tag, Source: w.in.Remote, Header: w.header,
	})
	w.header = w.header[:0]
	w.in.AnswerTo = message.ResponseAddress(w.m.Via, w.in.Remote)
}

// toTag is a keyed hash over what a retransmission has in common with its
// original and another request has not.
func (w *work) toTag() string {
	var h maphash.Hash
	h.SetSeed(w.e.seed)
	_, _ = h.WriteString(w.m.Via.Branch())
	_ = h.WriteByte(0)
	_, _ = h.WriteString(w.m.CallID)
	return strconv.FormatUint(h.Sum64()|1<<63, 36)
}

// branchHash tells retransmissions from other requests with the same CSeq.
func (w *work) branchHash() uint64 { return maphash.String(w.e.seed, w.m.Via.Branch()) }

// amplifies says whether the answer is too large for whoever may have been
// named as the source against its will (RFC 5393, and UDP's general trouble).
func (w *work) amplifies() bool {
	return w.in.Transport == flow.UDP && !w.in.Proven && !w.proven &&
		2*len(w.in.Answer) > 3*len(w.in.Bytes)
}

// challenge answers 401 with a challenge for each algorithm (RFC 8760 2.3).
// Where that would amplify, or the phone is known to fail on an algorithm that it
// does not know, only the last is offered, which is the one that every phone knows.
func (w *work) challenge(stale bool) {
	algorithms := w.e.o.Verifier.Algorithms()
	last := algorithms[len(algorithms)-1:]
	switch {
	case stale && slices.Contains(algorithms, w.answered):
		algorithms = []credentials.Algorithm{w.answered} // the phone has shown which it knows
	case w.oneChallenge:
		algorithms = last
	}
	w.challengeWith(algorithms, stale)
	if w.amplifies() && len(algorithms) > 1 {
		w.challengeWith(last, stale)
	}
	if stale {
		w.e.count.add(cStale)
		return
	}
	w.e.count.add(cChallenged)
}

func (w *work) challengeWith(algorithms []credentials.Algorithm, stale bool) {
	for _, a := range algorithms {
		w.scratch = w.e.o.Verifier.AppendChallenge(w.scratch[:0], a, stale, w.now)
		w.line("WWW-Authenticate", string(w.scratch))
	}
	w.reply(401, "")
}

// userAgent is the phone's User-Agent, cut. SIPp, which every lab has, names itself
// in few scenarios; its branches are told from others.
func (w *work) userAgent() string {
	a, _ := w.m.Get(message.HUserAgent)
	if a == "" && sippBranch(w.m.Via.Branch()) {
		return "SIPp"
	}
	if len(a) > registrar.MaxUserAgentLength {
		a = a[:registrar.MaxUserAgentLength]
	}
	return a
}

// sippBranch says whether a branch is of the form that SIPp gives it: the cookie,
// and process, call and message as decimal numbers with a hyphen before each.
func sippBranch(branch string) bool {
	rest, found := strings.CutPrefix(branch, "z9hG4bK-")
	if !found || strings.Count(rest, "-") != 2 {
		return false
	}
	for part := range strings.SplitSeq(rest, "-") {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// ours says whether a host is this system or its domain.
func (w *work) ours(host string) bool {
	for _, h := range w.e.hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	if host == "" || (host[0]|0x20 > '9' && !strings.Contains(host, ":")) {
		return false // a name, so no address
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (w.e.addrs[a.Unmap()] || a.Unmap() == w.in.Local.Addr())
}

func phraseOf(status int) string {
	switch status {
	case 200:
		return "OK"
	case 302:
		return "Moved Temporarily"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 423:
		return "Interval Too Brief"
	case 430:
		return "Flow Failed"
	case 439:
		return "First Hop Lacks Outbound Support"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 489:
		return "Bad Event"
	case 500:
		return "Server Internal Error"
	case 501:
		return "Not Implemented"
	case 503:
		return "Service Unavailable"
	}
	return "Refused"
}
