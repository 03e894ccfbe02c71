package phone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// fakeRegistrar answers REGISTER and SUBSCRIBE with digest; enough of a server
// to see what a phone does.
type fakeRegistrar struct {
	name      string
	algorithm string // of its challenge
	password  string
	lease     int

	down       bool   // connection refused, UDP unanswered
	silent     bool   // accepts connections, answers nothing
	refuse     int    // answers REGISTER with this status
	phrase     string // of the refusal
	retryAfter string
	minExpires int

	bound      map[string]string // number → contact URI
	registers  int
	polls      int
	subscribes int
	lastSub    *Message
}

const password = "secret"

func newFake(name string) *fakeRegistrar {
	return &fakeRegistrar{name: name, algorithm: "MD5", password: password, lease: 60, bound: map[string]string{}}
}

// handle returns the answer to a request, nil for none.
func (f *fakeRegistrar) handle(request *Message) *Message {
	if f.down || f.silent || request.Method == "" {
		return nil
	}
	poll := strings.Contains(request.Get("Contact"), "cisco-keep-alive")
	if request.Method == "REGISTER" && f.refuse != 0 && !poll {
		refusal := reply(request, f.refuse, f.phrase, "f")
		if f.retryAfter != "" {
			refusal.Add("Retry-After", f.retryAfter)
		}
		return refusal
	}
	if !f.proven(request) {
		challenge := reply(request, 401, "Unauthorized", "f")
		challenge.Add("WWW-Authenticate", fmt.Sprintf(`Digest realm="example.test", nonce="n-%s", algorithm=%s, qop="auth"`, f.name, f.algorithm))
		return challenge
	}
	ok := reply(request, 200, "OK", "f")
	switch {
	case request.Method == "SUBSCRIBE":
		f.subscribes++
		f.lastSub = request
		ok.Add("Expires", "3600")
		ok.Add("Contact", "<sip:"+f.name+"@example.test>")
	case poll:
		f.polls++
	default:
		return f.bind(request, ok)
	}
	return ok
}

func (f *fakeRegistrar) bind(request, ok *Message) *Message {
	number := between(request.Get("To"), "sip:", "@")
	contact := between(request.Get("Contact"), "<", ">")
	expires, err := strconv.Atoi(request.Get("Expires"))
	if err != nil {
		return reply(request, 400, "Expires", "f")
	}
	f.registers++
	if expires == 0 {
		delete(f.bound, number)
		return ok
	}
	if expires < f.minExpires {
		brief := reply(request, 423, "Interval Too Brief", "f")
		brief.Add("Min-Expires", strconv.Itoa(f.minExpires))
		return brief
	}
	f.bound[number] = contact
	ok.Add("Contact", fmt.Sprintf(`"other, one" <sip:x@203.0.113.9>;expires=9, <%s>;expires=%d;+sip.instance="<urn:uuid:1>"`, contact, min(expires, f.lease)))
	return ok
}

func (f *fakeRegistrar) proven(request *Message) bool {
	proof, err := digest.ParseCredentials(request.Get("Authorization"))
	if err != nil || proof.Nonce != "n-"+f.name {
		return false
	}
	want, err := digest.Digest(&digest.Challenge{Realm: "example.test", Nonce: proof.Nonce, Algorithm: f.algorithm, QOP: []string{"auth"}},
		digest.Options{Method: request.Method, URI: request.URI, Count: proof.Nc, Username: proof.Username, Password: f.password, Cnonce: proof.Cnonce})
	return err == nil && want.Response == proof.Response
}

// notifyDeactivated is what roost sends to move a subscribed phone (FB4).
func (f *fakeRegistrar) notifyDeactivated(contact string) *Message {
	sub := f.lastSub
	notify := &Message{Method: "NOTIFY", URI: between(sub.Get("Contact"), "<", ">")}
	notify.Add("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnotify")
	notify.Add("From", sub.Get("To")+";tag=f")
	notify.Add("To", sub.Get("From"))
	notify.Add("Call-ID", sub.Get("Call-ID"))
	notify.Add("CSeq", "1 NOTIFY")
	notify.Add("Event", "reg")
	notify.Add("Subscription-State", "active;expires=3000")
	notify.Add("Content-Type", "application/reginfo+xml")
	notify.Body = []byte(`<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="2" state="partial">` +
		`<registration aor="sip:201@example.test" id="a" state="terminated"><contact id="1" state="terminated" event="deactivated"><uri>` +
		contact + `</uri></contact></registration></reginfo>`)
	return notify
}

// world is one phone and its servers in virtual time.
type world struct {
	t       *testing.T
	phone   *Machine
	servers []*fakeRegistrar
	now     time.Time
	reports []Report
	answers []*Message // the phone's responses to requests
	linked  []bool
}

func newWorld(t *testing.T, profile, transport string, change func(*Spec)) *world {
	t.Helper()
	spec := Spec{Number: "201", Password: password, Profile: profile, Transport: transport}
	if change != nil {
		change(&spec)
	}
	family, err := ProfileByName(profile)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), linked: make([]bool, 2)}
	w.servers = []*fakeRegistrar{newFake("home"), newFake("backup")}
	w.phone = New(Config{
		Spec: spec, Profile: family, Domain: "example.test", Seed: 7,
		Servers: []Server{{Name: "home"}, {Name: "backup"}},
		Local:   netip.MustParseAddrPort("127.0.0.9:5070"),
	})
	return w
}

// step lets the phone take an event, and its servers answer at once.
func (w *world) step(event Event) {
	w.t.Helper()
	queue := []Event{event}
	for n := 0; len(queue) > 0; n++ {
		if n > 1000 {
			w.t.Fatal("the phone and its servers chatter without end")
		}
		event, queue = queue[0], queue[1:]
		for _, effect := range w.phone.Step(event, w.now) {
			switch effect := effect.(type) {
			case Report:
				w.reports = append(w.reports, effect)
			case Hangup:
				w.linked[effect.Server] = false
			case Send:
				queue = append(queue, w.deliver(effect)...)
			}
		}
	}
}

func (w *world) deliver(send Send) []Event {
	w.t.Helper()
	if string(send.Data) == "\r\n\r\n" {
		return nil
	}
	server := w.servers[send.Server]
	if w.phone.Spec.Transport != "udp" {
		if server.down {
			return []Event{LinkDown{send.Server, "connection refused"}}
		}
		w.linked[send.Server] = true
	}
	message, err := Parse(send.Data)
	if err != nil {
		w.t.Fatalf("the phone sent %q: %v", send.Data, err)
	}
	if message.Method == "" {
		w.answers = append(w.answers, message)
		return nil
	}
	if answer := server.handle(message); answer != nil {
		parsed, err := Parse(answer.Bytes())
		if err != nil {
			w.t.Fatal(err)
		}
		return []Event{Received{send.Server, parsed}}
	}
	return nil
}

// kill takes a server down; TCP connections break.
func (w *world) kill(server int) {
	w.servers[server].down = true
	if w.linked[server] {
		w.linked[server] = false
		w.step(LinkDown{server, "connection reset by peer"})
	}
}

// run lets virtual time pass.
func (w *world) run(duration time.Duration) {
	w.t.Helper()
	end := w.now.Add(duration)
	for steps := 0; ; steps++ {
		next, ok := w.phone.Next()
		if !ok || next.After(end) {
			break
		}
		if steps > 100_000 {
			w.t.Fatal("the phone's clock does not advance")
		}
		if next.After(w.now) {
			w.now = next
		}
		w.step(Tick{})
	}
	w.now = end
}

// at names the server that the phone believes it is registered at.
func (w *world) at() string {
	if w.phone.at < 0 {
		return ""
	}
	return w.servers[w.phone.at].name
}

func (w *world) mustBe(where string) {
	w.t.Helper()
	if got := w.at(); got != where {
		w.t.Fatalf("the phone is at %q, want %q; reports %v", got, where, w.reports)
	}
}

// last returns the newest report of a kind.
func (w *world) last(kind Kind) Report {
	w.t.Helper()
	for i := len(w.reports) - 1; i >= 0; i-- {
		if w.reports[i].Event == kind {
			return w.reports[i]
		}
	}
	w.t.Fatalf("no report %q in %v", kind, w.reports)
	return Report{}
}
