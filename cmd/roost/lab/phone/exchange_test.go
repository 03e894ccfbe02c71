package phone

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone/rtp"
)

// exchange is a registrar and a stateless proxy with record-route (RFC 3261
// 16.11): enough to let phones call each other. Clients are named by strings.
type exchange struct {
	*fakeRegistrar
	flows      map[string]string // number → client
	challenges bool              // of INVITE and BYE
	asked      []string          // methods that came, but for REGISTER and SUBSCRIBE
	passed     []string          // methods and statuses that went through
	unknown    bool              // answers 481 to what belongs to a call
	// tamper, if not nil, may change what is forwarded; false drops it.
	tamper func(*Message) bool
}

func newExchange(name string) *exchange {
	return &exchange{fakeRegistrar: newFake(name), flows: map[string]string{}}
}

// outgoing is bytes for a client.
type outgoing struct {
	to   string
	data []byte
}

func (x *exchange) take(from string, message *Message) []outgoing {
	if x.down {
		return nil
	}
	if message.Method == "" {
		return x.back(message)
	}
	if message.Method == "REGISTER" || message.Method == "SUBSCRIBE" {
		answer := x.handle(message)
		if answer == nil {
			return nil
		}
		if message.Method == "REGISTER" && answer.Status == 200 {
			x.flows[numberIn(message.Get("To"))] = from
		}
		return []outgoing{{from, answer.Bytes()}}
	}
	x.asked = append(x.asked, message.Method)
	if x.challenges && (message.Method == "INVITE" || message.Method == "BYE" || message.Method == "REFER") && !x.provenToProxy(message) {
		challenge := reply(message, 407, "Proxy Authentication Required", "x")
		challenge.Add("Proxy-Authenticate", fmt.Sprintf(`Digest realm="example.test", nonce="n-%s", algorithm=MD5, qop="auth"`, x.name))
		return []outgoing{{from, challenge.Bytes()}}
	}
	if x.unknown && parameter(message.Get("To"), "tag") != "" {
		if message.Method == "ACK" {
			return nil
		}
		return []outgoing{{from, reply(message, 481, "Call Does Not Exist", "x").Bytes()}}
	}
	to, known := x.flows[numberIn("<"+message.URI+">")]
	if !known {
		if message.Method == "ACK" {
			return nil
		}
		return []outgoing{{from, reply(message, 404, "Not Found", "x").Bytes()}}
	}
	return x.forward(from, to, message)
}

func (x *exchange) provenToProxy(message *Message) bool {
	copied := *message
	copied.Fields = slices.Clone(message.Fields)
	for i := range copied.Fields {
		if copied.Fields[i].Name == "Proxy-Authorization" {
			copied.Fields[i].Name = "Authorization"
			return x.proven(&copied)
		}
	}
	return false
}

func (x *exchange) forward(from, to string, message *Message) []outgoing {
	x.passed = append(x.passed, message.Method)
	forwarded := &Message{Method: message.Method, URI: message.URI, Body: message.Body}
	forwarded.Add("Via", fmt.Sprintf("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKp%s;client=%s", branchOf(message), from))
	for _, field := range message.Fields {
		switch field.Name {
		case "Route", "Proxy-Authorization", "Content-Length":
			continue
		}
		forwarded.Fields = append(forwarded.Fields, field)
	}
	forwarded.Add("Record-Route", "<sip:127.0.0.1;lr>")
	if x.tamper != nil && !x.tamper(forwarded) {
		return nil
	}
	return []outgoing{{to, forwarded.Bytes()}}
}

// back sends a response where its request came from.
func (x *exchange) back(message *Message) []outgoing {
	client := parameter(message.Get("Via"), "client")
	if client == "" {
		return nil
	}
	x.passed = append(x.passed, fmt.Sprint(message.Status))
	for i, field := range message.Fields {
		if field.Name == "Via" {
			message.Fields = slices.Delete(message.Fields, i, i+1)
			break
		}
	}
	if x.tamper != nil && !x.tamper(message) {
		return nil
	}
	return []outgoing{{client, message.Bytes()}}
}

// fakeVoice is media that notes what it is told.
type fakeVoice struct {
	local  netip.AddrPort
	config rtp.Config
	dialed string
	closed bool
}

func (v *fakeVoice) Local() netip.AddrPort { return v.local }
func (v *fakeVoice) Dial(digits string)    { v.dialed += digits }
func (v *fakeVoice) Report() rtp.Report    { return rtp.Report{} }
func (v *fakeVoice) Close() rtp.Report     { v.closed = true; return rtp.Report{} }
func (v *fakeVoice) Set(c rtp.Config) error {
	v.config = c
	return nil
}

// fakeMedia opens fakeVoices of one phone.
type fakeMedia struct {
	address netip.Addr
	opened  []*fakeVoice
}

func (f *fakeMedia) Open(int, string) (Voice, error) {
	v := &fakeVoice{local: netip.AddrPortFrom(f.address, uint16(10_000+2*len(f.opened)))}
	f.opened = append(f.opened, v)
	return v, nil
}

// deskPhone is a Machine in an office.
type deskPhone struct {
	*Machine
	media   *fakeMedia
	reports []Report
}

// office is phones and exchanges in virtual time, on a network that may lose,
// double and reorder.
type office struct {
	t         *testing.T
	phones    map[string]*deskPhone
	order     []string
	exchanges []*exchange
	now       time.Time
	random    *rand.Rand
	lossy     bool
	queue     events
	serial    int
	log       []string
}

// flight is a message that arrives.
type flight struct {
	at       time.Time
	serial   int
	from, to string // a number, or an exchange's index
	data     []byte
}

type events []flight

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(flight)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

// newOffice has the phones 201, 202 … with these habits, registered at the first
// of two exchanges.
func newOffice(t *testing.T, habits ...Habits) *office {
	t.Helper()
	specs := make([]Spec, len(habits))
	for i := range habits {
		specs[i] = Spec{Profile: "poly", Transport: "udp", Calls: habits[i]}
	}
	return newOfficeOf(t, 1, specs...)
}

func newOfficeOf(t *testing.T, seed uint64, specs ...Spec) *office {
	t.Helper()
	o := &office{
		t: t, phones: map[string]*deskPhone{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		exchanges: []*exchange{newExchange("home"), newExchange("backup")}, random: rand.New(rand.NewPCG(seed, 1)),
	}
	for i, spec := range specs {
		spec.Number, spec.Password = fmt.Sprint(201+i), password
		profile, err := ProfileByName(spec.Profile)
		if err != nil {
			t.Fatal(err)
		}
		address := netip.AddrFrom4([4]byte{127, 0, 0, byte(20 + i)})
		phone := &deskPhone{media: &fakeMedia{address: address}}
		phone.Machine = New(Config{
			Spec: spec, Profile: profile, Domain: "example.test", Seed: seed<<8 + uint64(i), Media: phone.media,
			Servers: []Server{{Name: "home"}, {Name: "backup"}}, Local: netip.AddrPortFrom(address, 5060),
		})
		o.phones[spec.Number] = phone
		o.order = append(o.order, spec.Number)
	}
	for _, number := range o.order {
		o.step(number, PowerOn{})
	}
	o.run(time.Second)
	for _, number := range o.order {
		if o.phones[number].at != 0 {
			t.Fatalf("%s is not registered: %v", number, o.phones[number].reports)
		}
	}
	return o
}

func (o *office) step(number string, event Event) {
	phone := o.phones[number]
	for _, effect := range phone.Step(event, o.now) {
		switch effect := effect.(type) {
		case Report:
			phone.reports = append(phone.reports, effect)
			o.log = append(o.log, fmt.Sprintf("%s %s %s", o.now.Format("05.000"), number, effect))
		case Send:
			o.fly(number, fmt.Sprint(effect.Server), effect.Data)
		}
	}
}

// fly puts a message on the network.
func (o *office) fly(from, to string, data []byte) {
	if string(data) == "\r\n\r\n" {
		return
	}
	first, _, _ := strings.Cut(string(data), "\r\n")
	copies := 1
	lossy := o.lossy && !strings.Contains(string(data), " REGISTER\r\n") // where it is registered is not the matter
	if lossy {
		switch n := o.random.IntN(10); {
		case n < 2:
			copies = 0
		case n < 4:
			copies = 2
		}
	}
	o.log = append(o.log, fmt.Sprintf("%s %s → %s ×%d %s", o.now.Format("05.000"), from, to, copies, first))
	for range copies {
		delay := 5 * time.Millisecond
		if lossy {
			delay += time.Duration(o.random.IntN(200)) * time.Millisecond
		}
		o.serial++
		heap.Push(&o.queue, flight{o.now.Add(delay), o.serial, from, to, data})
	}
}

// run lets virtual time pass.
func (o *office) run(duration time.Duration) {
	o.t.Helper()
	end := o.now.Add(duration)
	for range 1_000_000 {
		at, who := end, ""
		for _, number := range o.order {
			if next, ok := o.phones[number].Next(); ok && next.Before(at) {
				at, who = next, number
			}
		}
		if len(o.queue) > 0 && !o.queue[0].at.After(at) {
			arrived := heap.Pop(&o.queue).(flight)
			o.now = later(o.now, arrived.at)
			o.arrive(arrived)
			continue
		}
		o.now = later(o.now, at)
		if who == "" {
			return
		}
		o.step(who, Tick{})
	}
	o.t.Fatal("the office chatters without end")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (o *office) arrive(f flight) {
	message, err := Parse(f.data)
	if err != nil {
		o.t.Fatalf("%v in %q", err, f.data)
	}
	for i, x := range o.exchanges {
		if f.to == fmt.Sprint(i) {
			for _, out := range x.take(f.from, message) {
				o.fly(f.to, out.to, out.data)
			}
			return
		}
	}
	server := 0
	if f.from == "1" {
		server = 1
	}
	o.step(f.to, Received{server, message})
}

func (o *office) do(number string, command Command) {
	o.step(number, Person{command})
}

// call lets one phone call another, and waits until both are up.
func (o *office) call(from, to string) {
	o.t.Helper()
	o.do(from, Command{Do: "call", To: to})
	o.run(5 * time.Second)
	o.must(from, CallUp)
	o.must(to, CallUp)
}

// must returns the newest report of a kind, which must be there.
func (o *office) must(number string, kind Kind) Report {
	o.t.Helper()
	reports := o.phones[number].reports
	for i := len(reports) - 1; i >= 0; i-- {
		if reports[i].Event == kind {
			return reports[i]
		}
	}
	o.t.Fatalf("%s has no report %s\n%s", number, kind, strings.Join(o.log, "\n"))
	return Report{}
}

func (o *office) count(number string, kind Kind) int {
	n := 0
	for _, report := range o.phones[number].reports {
		if report.Event == kind {
			n++
		}
	}
	return n
}

// voice is the newest media of a phone.
func (o *office) voice(number string) *fakeVoice {
	opened := o.phones[number].media.opened
	return opened[len(opened)-1]
}

// talking: both send to each other and listen.
func (o *office) talking(a, b string) {
	o.t.Helper()
	one, two := o.voice(a), o.voice(b)
	if one.config.Remote != two.local || two.config.Remote != one.local || one.closed || two.closed ||
		!one.config.Send || !one.config.Receive || !two.config.Send || !two.config.Receive {
		o.t.Fatalf("%s %+v\n%s %+v\n%s", a, one, b, two, strings.Join(o.log, "\n"))
	}
}

// quiet: no call is left, every voice is closed, and nothing waits to be sent.
func (o *office) quiet() {
	o.t.Helper()
	for _, number := range o.order {
		phone := o.phones[number]
		for _, v := range phone.media.opened {
			if !v.closed {
				o.t.Errorf("%s: a voice is left open", number)
			}
		}
		if len(phone.calls)+len(phone.requests)+len(phone.replies) > 0 {
			o.t.Errorf("%s: %d calls, %d requests and %d answers are left\n%s", number, len(phone.calls), len(phone.requests), len(phone.replies), strings.Join(o.log, "\n"))
		}
	}
}
