package sip

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const realm = "example.test"

// desk is an Office over the real registrar: what node does, in small.
type desk struct {
	registrar *registrar.Registrar
	secrets   map[string]credentials.Secret

	failing atomic.Bool // Lookup panics

	mu     sync.Mutex
	ask    func(*Question) Decision // nil: Proceed
	admit  func(*Registering) Decision
	asked  []Question
	closed map[registrar.FlowID]flow.Reason
	guest  bool
	tell   func(...registrar.Change)
}

func newDesk(c registrar.Config) *desk {
	d := &desk{
		registrar: registrar.New(c, time.Now()),
		secrets:   map[string]credentials.Secret{},
		closed:    map[registrar.FlowID]flow.Reason{},
	}
	for _, n := range []string{"201", "202", "203"} {
		d.secrets[n] = credentials.FromPassword(n, realm, "secret"+n)
	}
	return d
}

func (d *desk) Ask(q *Question) Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := *q
	kept.Agent, kept.Method = strings.Clone(q.Agent), strings.Clone(q.Method)
	d.asked = append(d.asked, kept)
	if d.ask == nil {
		return Decision{}
	}
	return d.ask(q)
}

func (d *desk) Secret(user string) (credentials.Secret, bool) {
	s, ok := d.secrets[user]
	return s, ok
}

func (d *desk) Register(r *Registering, a *Answer) {
	d.mu.Lock()
	admit := d.admit
	r.Guest = d.guest
	d.mu.Unlock()
	if r.Guest {
		r.Home, r.MinExpires, r.MaxExpires = "london", 60, 120
	}
	if admit != nil {
		if a.Decision = admit(r); a.Decision.Verdict != Proceed {
			return
		}
	}
	if r.Repeat {
		res, ok := d.registrar.Repeats(&r.Update, r.Now)
		a.Result, a.NotRepeated = res, !ok
		return
	}
	a.Err = d.registrar.RegisterInto(&r.Update, r.Now, &a.Result)
}

func (d *desk) Lookup(n registrar.Number, now time.Time) []registrar.Registration {
	if d.failing.Load() {
		panic("a fault of ours")
	}
	return d.registrar.Lookup(n, now)
}

func (d *desk) FlowClosed(id registrar.FlowID, why flow.Reason) {
	changes := d.registrar.FlowClosed(id, time.Now())
	d.mu.Lock()
	d.closed[id] = why
	tell := d.tell
	d.mu.Unlock()
	if tell != nil {
		tell(changes...)
	}
}

// site is an endpoint with its desk.
type site struct {
	*Endpoint
	desk *desk
	log  *strings.Builder
}

// newSite makes an endpoint without sockets; messages are handed to Handle.
func newSite(t testing.TB, edit ...func(*Options, *registrar.Config)) *site {
	t.Helper()
	var log strings.Builder
	o := Options{Realm: realm, Hosts: []string{"127.0.0.11"}, Log: zerolog.New(&log)}
	c := registrar.Config{TooBrief: 60, MinExpires: 300, MaxExpires: 300}
	for _, f := range edit {
		f(&o, &c)
	}
	d := newDesk(c)
	if o.Office == nil {
		o.Office = d
	}
	if o.Verifier == nil {
		ring := credentials.NewKeyRing(credentials.NewKey([20]byte{1, 2, 3}))
		o.Verifier = credentials.NewVerifier(credentials.Config{Realm: realm}, ring)
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return &site{Endpoint: e, desk: d, log: &log}
}

var (
	here   = netip.MustParseAddrPort("127.0.0.11:5060")
	there  = netip.MustParseAddrPort("127.0.1.1:5070")
	nearby = netip.MustParseAddrPort("127.0.1.2:5070")
)

// hand gives the endpoint one datagram and returns the answer, nil if none.
func (s *site) hand(t testing.TB, raw string, edit ...func(*flow.Inbound)) *reply {
	t.Helper()
	in := &flow.Inbound{
		Flow: 77, Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Bytes: []byte(raw),
	}
	for _, f := range edit {
		f(in)
	}
	s.Handle(in)
	if len(in.Answer) == 0 {
		return nil
	}
	return parseReply(t, string(in.Answer), in)
}

// reply is a response as a phone reads it.
type reply struct {
	message.Message
	raw string
	in  *flow.Inbound
}

func parseReply(t testing.TB, raw string, in *flow.Inbound) *reply {
	t.Helper()
	r := &reply{raw: raw, in: in}
	if f := r.Parse([]byte(raw), message.Limits{}, true); f != nil {
		t.Fatalf("the answer is malformed: %v\n%s", f, raw)
	}
	return r
}

// must fails unless the answer has the status.
func (r *reply) must(t testing.TB, status int) *reply {
	t.Helper()
	if r == nil {
		t.Fatalf("no answer, want %d", status)
	}
	if r.Status != status {
		t.Fatalf("answer %d %s, want %d\n%s", r.Status, r.Reason, status, r.raw)
	}
	return r
}

func (r *reply) header(id message.HeaderID) string {
	v, _ := r.Get(id)
	return v
}

func (r *reply) all(id message.HeaderID) []string {
	var out []string
	for v := range r.List(id) {
		out = append(out, v)
	}
	return out
}

// phone writes requests as one phone does.
type phone struct {
	number, password string
	callID           string
	cseq             int
	branches         int
	challenge        *digest.Challenge
	nc               int
	transport        string
	via              string // sent-by
}

func newPhone(number string) *phone {
	return &phone{number: number, password: "secret" + number, callID: "call-" + number, transport: "UDP", via: "127.0.1.1:5070"}
}

// ask is what a request may differ in.
type ask struct {
	method  string
	uri     string
	from    string // number
	to      string // To value, whole
	headers []string
	body    string
	auth    string // Authorization to use; "" signs with the challenge, "-" sends none
	cseq    int    // 0: the next
	branch  string // "": a new one
}

// write makes a request.
func (p *phone) write(a ask) string {
	if a.method == "" {
		a.method = "REGISTER"
	}
	if a.uri == "" {
		a.uri = "sip:" + realm
	}
	if a.from == "" {
		a.from = p.number
	}
	if a.to == "" {
		a.to = "<sip:" + p.number + "@" + realm + ">"
	}
	if a.cseq == 0 {
		p.cseq++
		a.cseq = p.cseq
	}
	if a.branch == "" {
		p.branches++
		a.branch = fmt.Sprintf("z9hG4bK-%s-%s-%d", p.callID, p.number, p.branches)
	}
	if a.auth == "" && p.challenge != nil {
		a.auth = p.sign(a.method, a.uri)
	}
	var b strings.Builder
	line := func(s string) { b.WriteString(s + "\r\n") }
	line(a.method + " " + a.uri + " SIP/2.0")
	line("Via: SIP/2.0/" + p.transport + " " + p.via + ";rport;branch=" + a.branch)
	line("Max-Forwards: 70")
	line("From: <sip:" + a.from + "@" + realm + ">;tag=f" + p.number)
	line("To: " + a.to)
	line("Call-ID: " + p.callID)
	line("CSeq: " + strconv.Itoa(a.cseq) + " " + a.method)
	line("User-Agent: Testphone/1.0 (a telephone of the tests, long enough to be real)")
	for _, h := range a.headers {
		line(h)
	}
	if a.auth != "" && a.auth != "-" {
		line("Authorization: " + a.auth)
	}
	line("Content-Length: " + strconv.Itoa(len(a.body)))
	return b.String() + "\r\n" + a.body
}

func (p *phone) sign(method, uri string) string {
	p.nc++
	c, err := digest.Digest(p.challenge, digest.Options{
		Method: method, URI: uri, Count: p.nc, Username: p.number, Password: p.password, Cnonce: "c0ffee00c0ffee00",
	})
	if err != nil {
		panic(err)
	}
	return c.String()
}

// learn takes the challenge of an algorithm, MD5 unless named.
func (p *phone) learn(t testing.TB, r *reply, algorithm ...string) {
	t.Helper()
	want := "MD5"
	if len(algorithm) > 0 {
		want = algorithm[0]
	}
	for h := range r.Values(message.HWWWAuthenticate) {
		c, err := digest.ParseChallenge(h)
		if err != nil {
			t.Fatalf("challenge %q: %v", h, err)
		}
		if c.Algorithm == want || c.Algorithm == "" && want == "MD5" {
			p.challenge, p.nc = c, 0
			return
		}
	}
	t.Fatalf("no %s challenge in\n%s", want, r.raw)
}

func (p *phone) contact(params ...string) string {
	return "Contact: <sip:" + p.number + "@" + p.via + ">" + strings.Join(params, "")
}

// register does the whole of it: 401, then 200.
func (p *phone) register(t testing.TB, s *site, edit ...func(*flow.Inbound)) *reply {
	t.Helper()
	p.login(t, s, edit...)
	return s.hand(t, p.write(ask{headers: []string{p.contact(), "Expires: 600"}}), edit...).must(t, 200)
}

// login gets a challenge.
func (p *phone) login(t testing.TB, s *site, edit ...func(*flow.Inbound)) {
	t.Helper()
	p.learn(t, s.hand(t, p.write(ask{auth: "-", headers: []string{p.contact(), "Expires: 600"}}), edit...).must(t, 401))
}

// value is a counter of the endpoint.
func (s *site) value(c counter) uint64 { return s.count.get(c) }
