package dialog

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// script is a leg with a far end that a test speaks for.
type script struct {
	t      testing.TB
	leg    *Leg
	now    time.Time
	c      *Config
	path   Path
	sent   []*message.Message
	raw    []string
	events []call.LegEvent
	odd    []Odd
	invite *message.Message // ours, of an outgoing leg

	farTag, ourTag, callID string
	cseq                   int
	branches               int
}

const (
	sdpFar  = "v=0\r\no=far 1 1 IN IP4 192.0.2.9\r\n"
	sdpOurs = "v=0\r\no=ours 1 1 IN IP4 192.0.2.1\r\n"
)

func ours(sdp string) call.Body {
	return call.Body{Type: "application/sdp", Data: []byte(sdp)}
}

func newScript(t testing.TB) *script {
	var key [32]byte
	return &script{
		t: t, now: simStart, farTag: "far", callID: "call-1", cseq: 100,
		c:    &Config{Realm: "example.test", Product: "roost", Random: rand.NewChaCha8(key)},
		path: Path{Flow: 7, Transport: "UDP", Local: "192.0.2.1:5060"},
	}
}

func (s *script) arrival() Arrival {
	return Arrival{Path: s.path, Remote: netip.MustParseAddrPort("192.0.2.9:5060")}
}

// took keeps what a step wants done.
func (s *script) took(fx *Effects) {
	s.t.Helper()
	for _, m := range fx.Sends {
		if m.Flow != s.path.Flow {
			s.t.Fatalf("sent to flow %d", m.Flow)
		}
		var parsed message.Message
		if f := parsed.Parse(m.Bytes, message.Limits{}, true); f != nil {
			s.t.Fatalf("malformed: %v\n%s", f, m.Bytes)
		}
		s.sent, s.raw = append(s.sent, &parsed), append(s.raw, string(m.Bytes))
	}
	s.events, s.odd = append(s.events, fx.Events...), append(s.odd, fx.Odd...)
}

func (s *script) do(a call.LegAction) {
	s.t.Helper()
	var fx Effects
	s.leg.Do(a, s.now, &fx)
	s.took(&fx)
}

// pass lets time pass, step by step.
func (s *script) pass(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for {
		next, ok := s.leg.Next()
		if !ok || next.After(end) {
			s.now = end
			return
		}
		if next.After(s.now) {
			s.now = next
		}
		var fx Effects
		s.leg.Tick(s.now, &fx)
		s.took(&fx)
	}
}

// wait lets time pass until something is sent.
func (s *script) wait() {
	s.t.Helper()
	for len(s.sent) == 0 {
		next, ok := s.leg.Next()
		if !ok {
			s.t.Fatal("nothing is due")
		}
		s.pass(next.Sub(s.now))
	}
}

// hand gives the leg a message.
func (s *script) hand(raw string) {
	s.t.Helper()
	var m message.Message
	if f := m.Parse([]byte(raw), message.Limits{}, true); f != nil {
		s.t.Fatalf("the test's message is malformed: %v\n%s", f, raw)
	}
	var fx Effects
	s.leg.Receive(&m, s.arrival(), s.now, &fx)
	s.took(&fx)
}

// edit is what a message of the far end differs in: header lines, or with a key.
type edit map[string]string

// request writes a request of the far end. Keys of edit: "body", "cseq", "branch",
// "from-tag", "to-tag", "call-id", "uri", "method" and header names.
func (s *script) request(method string, e edit) string {
	get := func(key, normal string) string {
		if v, ok := e[key]; ok {
			return v
		}
		return normal
	}
	if _, given := e["cseq"]; !given && method != "ACK" && method != "CANCEL" {
		s.cseq++
	}
	s.branches++
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	b.WriteString(method + " " + get("uri", "sip:202@192.0.2.1:5060") + " SIP/2.0\r\n")
	line("Via", "SIP/2.0/"+s.path.Transport+" 192.0.2.9:5060;branch="+get("branch", "z9hG4bKfar"+strconv.Itoa(s.branches)))
	line("Max-Forwards", get("hops", "70"))
	to := "<sip:202@example.test>"
	if tag := get("to-tag", s.ourTag); tag != "" {
		to += ";tag=" + tag
	}
	line("From", `"Far End" <sip:201@example.test>;tag=`+get("from-tag", s.farTag))
	line("To", to)
	line("Call-ID", get("call-id", s.callID))
	line("CSeq", get("cseq", strconv.Itoa(s.cseq))+" "+method)
	s.rest(line, e)
	body := e["body"]
	if body != "" {
		line("Content-Type", get("Content-Type", "application/sdp"))
	}
	line("Content-Length", strconv.Itoa(len(body)))
	return b.String() + "\r\n" + body
}

func (s *script) rest(line func(name, value string), e edit) {
	contact := false
	for name, v := range e {
		if name[0] < 'a' && name != "Content-Type" {
			contact = contact || name == "Contact"
			if v != "" {
				line(name, v)
			}
		}
	}
	if !contact {
		line("Contact", "<sip:far@192.0.2.9:5060>")
	}
}

// answer writes the far end's response to a request of ours.
func (s *script) answer(m *message.Message, status int, e edit) string {
	tag := s.farTag
	if v, ok := e["tag"]; ok {
		tag = v
	}
	r := message.Reply{Status: status, Reason: "Far", ToTag: tag, Body: []byte(e["body"]), ContentType: "application/sdp"}
	for v := range m.Values(message.HRecordRoute) {
		r.Header = append(r.Header, message.HeaderLine{Name: "Record-Route", Value: v})
	}
	s.rest(func(n, v string) { r.Header = append(r.Header, message.HeaderLine{Name: n, Value: v}) }, e)
	return string(message.AppendResponse(nil, m, r))
}

// next takes the first message that was sent and not looked at: "INVITE", "200 INVITE".
func (s *script) next(want string) *message.Message {
	s.t.Helper()
	if len(s.sent) == 0 {
		s.t.Fatalf("nothing was sent, want %s", want)
	}
	m := s.sent[0]
	s.sent, s.raw = s.sent[1:], s.raw[1:]
	got := m.Method
	if !m.Request {
		got = strconv.Itoa(m.Status) + " " + m.CSeqMethod
	}
	if got != want {
		s.t.Fatalf("sent %s, want %s", got, want)
	}
	return m
}

// quiet fails if anything was sent and not looked at.
func (s *script) quiet() {
	s.t.Helper()
	if len(s.raw) > 0 {
		s.t.Fatalf("sent besides:\n%s", strings.Join(s.raw, "\n"))
	}
}

// heard takes the first event that was not looked at.
func heard[E call.LegEvent](s *script) E {
	s.t.Helper()
	var want E
	if len(s.events) == 0 {
		s.t.Fatalf("no event, want %T", want)
	}
	ev, ok := s.events[0].(E)
	if !ok {
		s.t.Fatalf("event %#v, want %T", s.events[0], want)
	}
	s.events = s.events[1:]
	return ev
}

func (s *script) silent() {
	s.t.Helper()
	if len(s.events) > 0 {
		s.t.Fatalf("events besides: %#v", s.events)
	}
}

func (s *script) wasOdd(want Odd) {
	s.t.Helper()
	for _, o := range s.odd {
		if o == want {
			return
		}
	}
	s.t.Fatalf("odd %v, want %d", s.odd, want)
}

// invited begins a leg with an INVITE of the far end, past the 100.
func (s *script) invited(in Incoming, e edit) {
	s.t.Helper()
	s.ourTag = ""
	s.incoming(in, e)
	s.next("100 INVITE")
}

func (s *script) incoming(in Incoming, e edit) {
	s.t.Helper()
	raw := s.request("INVITE", e)
	var m message.Message
	if f := m.Parse([]byte(raw), message.Limits{}, true); f != nil {
		s.t.Fatalf("the test's INVITE is malformed: %v\n%s", f, raw)
	}
	if in.Peer == 0 {
		in.Peer, in.Number = call.Phone, "201"
	}
	in.ID = 1
	var fx Effects
	s.leg = NewIncoming(s.c, in, &m, s.arrival(), s.now, &fx)
	s.ourTag = s.leg.Tag()
	s.took(&fx)
}

// talking is an incoming leg whose 2xx was acknowledged.
func talking(t testing.TB, e edit) *script {
	t.Helper()
	s := newScript(t)
	if e == nil {
		e = edit{}
	}
	if _, ok := e["body"]; !ok {
		e["body"] = sdpFar
	}
	s.invited(Incoming{}, e)
	heard[call.Invited](s)
	s.do(call.Answer{Body: ours(sdpOurs)})
	s.next("200 INVITE")
	s.hand(s.request("ACK", edit{"cseq": strconv.Itoa(s.cseq)}))
	heard[call.Connected](s)
	return s
}

// dialled begins an outgoing leg.
func dialled(t testing.TB, o Outgoing, d call.Dial) *script {
	t.Helper()
	s := newScript(t)
	s.dial(o, d)
	return s
}

func (s *script) dial(o Outgoing, d call.Dial) {
	s.t.Helper()
	o.ID, o.Path = 1, s.path
	if o.Peer == 0 {
		o.Peer = call.Phone
	}
	if o.URI == "" {
		o.URI = "sip:phone@192.0.2.9:5060"
	}
	if d.To == "" {
		d.To, d.Hops, d.From = "201", 20, call.Party{Number: "202", Name: "Caller"}
	}
	var fx Effects
	s.leg = NewOutgoing(s.c, o, d, s.now, &fx)
	s.ourTag, s.callID = s.leg.Tag(), s.leg.callID
	s.took(&fx)
	s.invite = s.next("INVITE")
}

// called is an outgoing leg that was answered.
func called(t testing.TB, e edit) *script {
	t.Helper()
	s := dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
	if e == nil {
		e = edit{}
	}
	e["body"] = sdpFar
	s.hand(s.answer(s.invite, 200, e))
	s.next("ACK")
	heard[call.Answered](s)
	return s
}

func header(t testing.TB, m *message.Message, id message.HeaderID, want string) {
	t.Helper()
	if got, _ := m.Get(id); got != want {
		t.Errorf("%s: %q, want %q", id, got, want)
	}
}

func text(v any) string { return fmt.Sprintf("%+v", v) }
