package natscarrier_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"roost/certs"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for a condition; a wait that is met ends at once.
const patience = 10 * time.Second

// quick are times for tests, in which a lost line is noticed within half a second.
func quick() natscarrier.Timing {
	return natscarrier.Timing{
		Dial: time.Second, RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond,
		Ping: 150 * time.Millisecond, PingsOut: 2, Write: 500 * time.Millisecond,
		Arrivals: 20 * time.Millisecond, FloodPenalty: 300 * time.Millisecond,
	}
}

func newCA(t testing.TB, name string) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA(name, time.Now(), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func identity(t testing.TB, ca *certs.CA, system string) *certs.Source {
	t.Helper()
	return issue(t, ca, certs.Request{System: system, Addresses: []string{"127.0.0.1"}, ValidFor: time.Hour}, time.Now())
}

func issue(t testing.TB, ca *certs.CA, req certs.Request, now time.Time) *certs.Source {
	t.Helper()
	id, err := ca.IssueIdentity(req, now)
	if err != nil {
		t.Fatal(err)
	}
	return certs.Fixed(id)
}

// basis is a configuration on a free port of loopback.
func basis(system string, id *certs.Source) natscarrier.Config {
	return natscarrier.Config{
		System: system, Listen: "127.0.0.1:0", Identity: id, Timing: quick(), Log: zerolog.Nop(),
	}
}

func start(t testing.TB, cfg natscarrier.Config) *natscarrier.Carrier {
	t.Helper()
	c, err := natscarrier.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// network starts systems of one root, each with a line to each other, and waits until
// all lines are up.
func network(t testing.TB, adapt func(*natscarrier.Config), names ...string) map[string]*natscarrier.Carrier {
	t.Helper()
	ca := newCA(t, "root")
	carriers := make(map[string]*natscarrier.Carrier)
	for _, name := range names {
		cfg := basis(name, identity(t, ca, name))
		if adapt != nil {
			adapt(&cfg)
		}
		carriers[name] = start(t, cfg)
	}
	for name, c := range carriers {
		var peers []natscarrier.Peer
		for other, o := range carriers {
			if other != name {
				peers = append(peers, natscarrier.Peer{System: other, Address: o.Addr().String()})
			}
		}
		if err := c.SetPeers(peers); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range carriers {
		for other := range carriers {
			if other != name {
				awaitLine(t, c, other, true)
			}
		}
	}
	return carriers
}

// until waits for a condition, looking every few milliseconds.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func lineOf(c *natscarrier.Carrier, peer string) mirror.LineState {
	for _, l := range c.Lines() {
		if l.Peer == peer {
			return l
		}
	}
	return mirror.LineState{}
}

func awaitLine(t testing.TB, c *natscarrier.Carrier, peer string, up bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for lineOf(c, peer).Up != up {
		if time.Now().After(deadline) {
			t.Fatalf("line to %s: up is %v, want %v; %s", peer, !up, up, lineOf(c, peer).Why)
		}
		<-tick.C
	}
}

// inboxOf collects what a subscription hears.
type heard struct {
	messages chan mirror.Message
}

func listen(t testing.TB, c *natscarrier.Carrier, s mirror.Subject) *heard {
	t.Helper()
	h := &heard{messages: make(chan mirror.Message, 100_000)}
	stop, err := c.Subscribe(s, func(m mirror.Message) { h.messages <- m })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return h
}

func (h *heard) next(t testing.TB) mirror.Message {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case m := <-h.messages:
		return m
	case <-timer.C:
		t.Fatal("nothing was heard")
		return mirror.Message{}
	}
}

// only fails if anything else than the wanted payloads was heard by the time that the
// last of them is.
func (h *heard) only(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := h.next(t); string(got.Payload) != w {
			t.Fatalf("heard %q on %s, want %q", got.Payload, got.Subject, w)
		}
	}
	select {
	case m := <-h.messages:
		t.Fatalf("heard %q on %s as well", m.Payload, m.Subject)
	default:
	}
}

func publish(t testing.TB, c *natscarrier.Carrier, s mirror.Subject, payload string) {
	t.Helper()
	if err := c.Publish(s, []byte(payload)); err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// logBook is a log that a test reads.
type logBook struct {
	mu   sync.Mutex
	text []byte
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// freePort is an address on which nothing listens at the moment.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}

func heartbeat(from string) mirror.Subject {
	return mirror.Subject{Class: mirror.Heartbeats, Origin: from}
}

func delta(from, set string) mirror.Subject {
	return mirror.Subject{Class: mirror.Deltas, Origin: from, Set: set}
}

func pull(from, asker, set string) mirror.Subject {
	return mirror.Subject{Class: mirror.Pulls, Origin: from, Peer: asker, Set: set}
}

func answer(from, asker, set string) mirror.Subject {
	return mirror.Subject{Class: mirror.Answers, Origin: from, Peer: asker, Set: set}
}

func call(to, caller, verb string) mirror.Subject {
	return mirror.Subject{Class: mirror.Calls, Origin: to, Peer: caller, Verb: verb}
}

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
