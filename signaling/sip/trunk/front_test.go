package trunk

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/sip"
	"roost/signaling/sip/flow"
)

// front is a SIP front-end in small: what is sent to a server is answered by carrier.
type front struct {
	mu      sync.Mutex
	flows   map[registrar.FlowID]netip.AddrPort
	next    registrar.FlowID
	carrier func(at netip.AddrPort, r sip.Request) int // a status, 0: silence
	header  []string                                   // of a 200 to REGISTER
	sent    []string                                   // "METHOD host:port expires"
	at      []time.Time
	closed  int
	hushed  map[registrar.FlowID]bool
	t       *testing.T
}

func (f *front) FlowTo(_, remote netip.AddrPort) (registrar.FlowID, error) {
	return f.flow(remote), nil
}

func (f *front) flow(remote netip.AddrPort) registrar.FlowID {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	f.flows[f.next] = remote
	return f.next
}

func (f *front) Connect(c net.Conn, _ *tls.Config) (registrar.FlowID, error) {
	fake, _ := c.(*conn)
	return f.flow(fake.to), nil
}

func (f *front) Locals() []flow.Local {
	return []flow.Local{{Transport: flow.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:5060")}}
}

func (f *front) Request(ctx context.Context, r sip.Request) sip.Response {
	f.mu.Lock()
	at, ok := f.flows[r.Flow]
	expires := ""
	for _, h := range r.Header {
		if h.Name == "Expires" {
			expires = " " + h.Value
		}
	}
	if !ok {
		f.mu.Unlock()
		return sip.Response{Status: 430, Reason: "flow is gone"}
	}
	f.sent = append(f.sent, r.Method+" "+at.String()+expires)
	f.at = append(f.at, time.Now())
	status := f.carrier(at, r)
	if f.hushed[r.Flow] {
		status = 0
	}
	f.mu.Unlock()
	if status == 0 {
		<-ctx.Done()
		return sip.Response{Status: 408, Reason: "no answer"}
	}
	a := said(f.t, status, f.header...)
	if status == 401 {
		a = said(f.t, 401, challengeLine)
	}
	return sip.Response{Status: status, Reason: "Said", Message: a.Message, Contact: "sip:" + r.ContactUser + "@127.0.0.1:5060"}
}

func (f *front) CloseFlow(id registrar.FlowID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.flows[id]
	delete(f.flows, id)
	f.closed++
	return ok
}

func (f *front) set(carrier func(netip.AddrPort, sip.Request) int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.carrier = carrier
}

// hush: nothing comes back over a flow any more.
func (f *front) hush(id registrar.FlowID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hushed = map[registrar.FlowID]bool{id: true}
}

// since gives what was sent after so many requests.
func (f *front) since(n int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent[n:])
}

func (f *front) drop(id registrar.FlowID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flows, id)
}

// conn is a connection that front takes over.
type conn struct {
	net.Conn
	to netip.AddrPort
}

// watcher keeps what was told.
type watcher struct {
	mu   sync.Mutex
	told []string
}

func (w *watcher) TrunkUp(name string)        { w.add(name + " up") }
func (w *watcher) TrunkDown(name, why string) { w.add(name + " down: " + why) }
func (w *watcher) add(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, s)
}

func (w *watcher) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) == 0 {
		return ""
	}
	return w.told[len(w.told)-1]
}

type bench struct {
	*Set
	front *front
	zone  *zone
	told  *watcher
	t     *testing.T
}

func answers(status int) func(netip.AddrPort, sip.Request) int {
	return func(netip.AddrPort, sip.Request) int { return status }
}

// on runs a test with a set in a bubble.
func on(t *testing.T, carrier func(netip.AddrPort, sip.Request) int, all []Config, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, told: &watcher{}, front: &front{t: t, flows: map[registrar.FlowID]netip.AddrPort{}, carrier: carrier}, zone: &zone{
			ttl:   time.Minute,
			srv:   map[string][]SRV{"_sip._udp.carrier.test": {{"a.test", 5060, 1, 0}, {"b.test", 5060, 2, 0}}, "_sip._tcp.carrier.test": {{"a.test", 5060, 1, 0}, {"b.test", 5060, 2, 0}}},
			addrs: map[string][]string{"a.test": {"192.0.2.1"}, "b.test": {"192.0.2.2"}},
		}}
		b.Set = New(Options{Front: b.front, Resolver: b.zone, Watcher: b.told, Realm: "example.test",
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				return &conn{to: netip.MustParseAddrPort(address)}, nil
			}})
		b.Configure(all)
		synctest.Wait()
		test(b)
		if err := b.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func (b *bench) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (b *bench) view(name string) View {
	b.t.Helper()
	for _, v := range b.View() {
		if v.Name == name {
			return v
		}
	}
	b.t.Fatalf("no trunk %s", name)
	return View{}
}

func (b *bench) reach(name string) (Way, error) {
	type got struct {
		w   Way
		err error
	}
	c := make(chan got, 1)
	b.Reach(name, func(w Way, err error) { c <- got{w, err} })
	g := <-c
	return g.w, g.err
}

func carrierUDP() Config {
	return Config{Name: "carrier", Peer: "carrier.test", SRV: true, Transport: UDP, Register: true, Expires: 10 * time.Minute,
		Credentials: Credentials{"4930123", "secret"}, Line: "t0123"}
}
