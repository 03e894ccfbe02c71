package dialog

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// server is one request of the far end and its transaction.
type server struct {
	method         string
	branch, sentBy string
	cseq           uint32
	id             uint32 // of Offered, Told, Referred
	initial        bool   // the INVITE that begins the leg
	offer          bool   // it carried an offer
	quiet          bool   // a REFER that wants no NOTIFY
	path           Path
	to             netip.AddrPort // where responses go over UDP
	echo           string         // what a response repeats
	recordRoute    string
	remote         fingerprint // of its body
	timer          timerWish
	can            ability
	until          time.Time // when nobody answered by then, we do

	tx       transaction.Server
	inviteTx transaction.InviteServer
	over     bool
}

// reply is a response of ours.
type reply struct {
	status  int
	reason  string
	header  []byte // whole lines
	body    call.Body
	contact bool
	dialog  bool // it makes the dialog: Record-Route goes back
}

func (s *server) open() bool {
	st := s.tx.State()
	if s.method == "INVITE" {
		st = s.inviteTx.State()
	}
	return st == transaction.Trying || st == transaction.Proceeding
}

func (s *server) next() time.Time {
	n := earliest{s.tx.Next()}
	n.add(s.inviteTx.Next())
	if s.open() {
		n.add(s.until)
	}
	return n.at
}

// sentBy is a Via's host and port as one.
func sentBy(v message.Via) string {
	if v.Port == 0 {
		return strings.ToLower(v.Host)
	}
	return strings.ToLower(v.Host) + ":" + strconv.Itoa(int(v.Port))
}

func (l *Leg) findServer(m *message.Message, method string) *server {
	branch := m.Via.Branch()
	for _, s := range l.servers {
		if s.method == method && s.branch == branch && !s.over && s.sentBy == sentBy(m.Via) {
			return s
		}
	}
	return nil
}

// newServer opens the transaction of a request.
func (l *Leg) newServer(m *message.Message, a Arrival) *server {
	// Two statements: of one, both calls would write to buf before either text is copied.
	var buf [1024]byte
	echo := string(message.AppendEcho(buf[:0], m, l.tag, a.Remote))
	recordRoute := string(message.AppendRecordRoute(buf[:0], m))
	s := &server{
		method: keep(m.Method), branch: keep(m.Via.Branch()), sentBy: sentBy(m.Via), cseq: m.CSeq,
		path: a.Path, timer: timerWishOf(m), can: abilities(m),
		echo: echo, recordRoute: recordRoute,
	}
	if !a.Reliable {
		s.to = message.ResponseAddress(m.Via, a.Remote)
	}
	if s.method == "INVITE" {
		s.inviteTx.Start(a.Reliable, l.c.Timers)
	} else {
		s.tx.Start(a.Reliable, l.c.Timers)
	}
	l.servers = append(l.servers, s)
	return s
}

// respond sends a response in its transaction and gives its bytes.
func (l *Leg) respond(s *server, r reply) []byte {
	b := make([]byte, 0, 384+len(s.echo)+len(r.header)+len(r.body.Data))
	if r.reason == "" {
		r.reason = phraseOf(r.status)
	}
	b = message.AppendStatusLine(b, r.status, r.reason)
	b = append(b, s.echo...)
	if r.dialog {
		b = append(b, s.recordRoute...)
	}
	if r.contact {
		b = l.appendContact(b)
	}
	if l.c.Product != "" {
		b = message.AppendHeader(b, "Server", l.c.Product)
	}
	b = append(b, r.header...)
	b = message.AppendBody(b, r.body.Type, r.body.Data)
	if s.method == "INVITE" {
		l.serverEffects(s, s.inviteTx.Respond(r.status, b, l.now))
	} else {
		l.serverEffects(s, s.tx.Respond(r.status, b, l.now))
	}
	return b
}

func (l *Leg) serverEffects(s *server, fx transaction.Effects) {
	if fx.Send != nil {
		l.fx.Sends = append(l.fx.Sends, Send{Bytes: fx.Send, Flow: s.path.Flow, To: s.to})
	}
	if fx.Ended {
		s.over = true
	}
}

func (l *Leg) serverTick(s *server) {
	if s.over {
		return
	}
	if s.open() && !s.until.IsZero() && !l.now.Before(s.until) {
		s.until = time.Time{}
		l.unanswered(s)
	}
	if s.method == "INVITE" {
		l.serverEffects(s, s.inviteTx.Tick(l.now))
		return
	}
	l.serverEffects(s, s.tx.Tick(l.now))
}

// unanswered ends a request that the call never answered.
func (l *Leg) unanswered(s *server) {
	if s.initial {
		cause := call.Cause{Status: 408, Phrase: "not answered in time"}
		l.respond(s, l.refusalOf(cause))
		l.finish(call.Cancelled{Leg: l.id, Cause: cause})
		return
	}
	if s.offer && l.oa == gotOffer {
		l.oa = idle
	}
	l.respond(s, reply{status: 500, reason: "Not Answered In Time"})
}

// once answers a request without a transaction: it is refused the same way each
// time it comes.
func (l *Leg) once(m *message.Message, a Arrival, status int, header string) {
	var buf [1024]byte
	b := message.AppendStatusLine(make([]byte, 0, 512), status, phraseOf(status))
	b = append(b, message.AppendEcho(buf[:0], m, l.tag, a.Remote)...)
	b = append(b, header...)
	send := Send{Bytes: message.AppendBody(b, "", nil), Flow: a.Flow}
	if !a.Reliable {
		send.To = message.ResponseAddress(m.Via, a.Remote)
	}
	l.fx.Sends = append(l.fx.Sends, send)
}

// request takes a request that is no ACK and no CANCEL.
func (l *Leg) request(m *message.Message, a Arrival) {
	if s := l.findServer(m, m.Method); s != nil {
		if m.Method == "INVITE" {
			l.serverEffects(s, s.inviteTx.Repeated())
		} else {
			l.serverEffects(s, s.tx.Repeated())
		}
		return
	}
	d := l.farOf(m)
	switch {
	case d == nil:
		l.odd(OddStranger)
		l.once(m, a, 481, "")
		return
	case d.heard && m.CSeq <= d.cseq:
		l.odd(OddOrder)
		l.once(m, a, 500, "")
		return
	case l.crowded(m.Method):
		l.odd(OddStorm)
		l.once(m, a, 503, "")
		return
	}
	d.cseq, d.heard = m.CSeq, true
	if l.state == over && m.Method != "BYE" && m.Method != "SUBSCRIBE" {
		l.once(m, a, 481, "")
		return
	}
	l.path = a.Path
	l.dispatch(d, l.newServer(m, a), m)
}

// crowded tells that the far end has as many requests open as it may; refused INVITEs
// whose ACK did not come count for further ones. A BYE always gets in: a call can be
// ended whatever else is under way. What is answered, and only remembered because it may
// come again, gives way to what is new, so that a phone that holds and resumes again and
// again is not refused.
func (l *Leg) crowded(method string) bool {
	open := 0
	for _, s := range l.servers {
		if !s.over && (s.open() || method == "INVITE" && s.method == method && s.inviteTx.State() == transaction.Completed) {
			open++
		}
	}
	if open >= maxServers && method != "BYE" {
		return true
	}
	for len(l.servers) >= 2*maxServers && l.forgetAnswered() {
	}
	return false
}

// forgetAnswered forgets one answered request, the oldest that is no INVITE if there is
// one; false: all are open.
func (l *Leg) forgetAnswered() bool {
	oldest := -1
	for i, s := range l.servers {
		if s.open() || l.wait != nil && l.wait.s == s {
			continue
		}
		if s.method != "INVITE" {
			oldest = i
			break
		}
		if oldest < 0 {
			oldest = i
		}
	}
	if oldest < 0 {
		return false
	}
	l.servers[oldest].over = true
	l.sweep()
	return true
}

// farOf finds the dialog of a request; nil for a stranger's.
func (l *Leg) farOf(m *message.Message) *far {
	if m.CallID != l.callID || m.To.Tag() != l.tag {
		return nil
	}
	tag := m.From.Tag()
	if tag == l.d.tag && (tag != "" || !l.uac || l.state != early) {
		return &l.d
	}
	for i := range l.earlies {
		if l.earlies[i].tag == tag {
			return &l.earlies[i]
		}
	}
	return nil
}

// dispatch carries out a request within the dialog.
func (l *Leg) dispatch(d *far, s *server, m *message.Message) {
	switch m.Method {
	case "INVITE":
		d.learn(m)
		l.reinvited(s, m)
	case "UPDATE":
		d.learn(m)
		l.updated(s, m)
	case "PRACK":
		l.pracked(s, m)
	case "BYE":
		l.byeCame(s, m)
	case "REFER":
		d.learn(m)
		l.referred(s, m)
	case "SUBSCRIBE":
		l.subscribed(s, m)
	case "INFO", "MESSAGE":
		l.toldBy(s, m)
	case "OPTIONS":
		b := message.AppendHeader(nil, "Allow", allowed)
		b = message.AppendHeader(b, "Accept", "application/sdp")
		b = message.AppendHeader(b, "Supported", supported)
		l.respond(s, reply{status: 200, header: b, contact: true})
	case "NOTIFY":
		l.respond(s, reply{status: 481})
	default:
		l.respond(s, reply{status: 405, header: message.AppendHeader(nil, "Allow", allowed)})
	}
}
