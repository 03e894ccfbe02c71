package natscarrier_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/cmd/roost/lab/proxy"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// overProxy starts paris, and london with a line to it through a fault proxy.
func overProxy(t *testing.T) (london, paris *natscarrier.Carrier, between *proxy.Proxy) {
	t.Helper()
	ca := newCA(t, "root")
	paris = start(t, withPeer(basis("paris", identity(t, ca, "paris")), "london"))
	between, err := proxy.New("127.0.0.1:0", paris.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = between.Close() })
	cfg := basis("london", identity(t, ca, "london"))
	cfg.Peers = []natscarrier.Peer{{System: "paris", Address: between.Addr()}}
	london = start(t, cfg)
	awaitLine(t, london, "paris", true)
	return london, paris, between
}

// passes sends heartbeats from one until the other hears one with this text.
func passes(t *testing.T, from *natscarrier.Carrier, name string, at *heard, text string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case m := <-at.messages:
			if string(m.Payload) == text {
				return
			}
		case <-tick.C:
			publish(t, from, heartbeat(name), text)
		case <-deadline.C:
			t.Fatalf("%q was never heard", text)
		}
	}
}

func TestSH3_ALineThatWasCutComesBackByItself(t *testing.T) {
	london, paris, between := overProxy(t)
	beats := listen(t, london, heartbeat("paris"))
	var mu sync.Mutex
	var seen []mirror.LineState
	stop := london.WatchLines(func(s mirror.LineState) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s)
	})
	defer stop()
	for range 3 {
		between.Cut()
		awaitLine(t, london, "paris", false)
		publish(t, paris, heartbeat("paris"), "into the cut")
		between.Heal()
		awaitLine(t, london, "paris", true)
		passes(t, paris, "paris", beats, "after")
	}
	until(t, "the watcher saw each change", func() bool {
		mu.Lock()
		defer mu.Unlock()
		ups := 0
		for _, s := range seen {
			if s.Up != (s.Why == "") {
				t.Fatalf("a line is up, or it says why not: %+v", s)
			}
			if s.Up {
				ups++
			}
		}
		return ups == 4
	})
}

func TestSH3_APeerThatHangsIsNoticedAndComesBack(t *testing.T) {
	london, paris, between := overProxy(t)
	beats := listen(t, london, heartbeat("paris"))
	between.Hang()
	began := time.Now()
	awaitLine(t, london, "paris", false)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a hung peer was noticed after %v", took)
	}
	why(t, london, "paris", "")
	if reason := lineOf(london, "paris").Why; !strings.Contains(reason, "hangs") {
		t.Errorf("the reason is %q", reason)
	}
	between.Heal()
	awaitLine(t, london, "paris", true)
	passes(t, paris, "paris", beats, "after")
}

func TestSH3_APeerThatRestartsIsFoundAgain(t *testing.T) {
	ca := newCA(t, "root")
	id := identity(t, ca, "paris")
	first := start(t, withPeer(basis("paris", id), "london"))
	cfg := basis("london", identity(t, ca, "london"))
	cfg.Peers = []natscarrier.Peer{{System: "paris", Address: first.Addr().String()}}
	london := start(t, cfg)
	awaitLine(t, london, "paris", true)
	first.Close()
	why(t, london, "paris", "nothing listens at")
	again := withPeer(basis("paris", id), "london")
	again.Listen = cfg.Peers[0].Address
	second := start(t, again)
	awaitLine(t, london, "paris", true)
	passes(t, second, "paris", listen(t, london, heartbeat("paris")), "second life")
}

func TestNE1_ASystemBehindNATOnlyDialsAndIsServedOverItsConnection(t *testing.T) {
	for _, listens := range []bool{false, true} { // it may well listen, and not be reachable
		ca := newCA(t, "root")
		paris := start(t, withPeer(basis("paris", identity(t, ca, "paris")), "london"))
		cfg := basis("london", identity(t, ca, "london"))
		if !listens {
			cfg.Listen = ""
		}
		cfg.Peers = []natscarrier.Peer{{System: "paris", Address: paris.Addr().String(), OutOnly: listens}}
		london := start(t, cfg)
		awaitLine(t, london, "paris", true)
		awaitLine(t, paris, "london", true)

		for _, way := range []struct {
			from, to       *natscarrier.Carrier
			sender, hearer string
		}{{london, paris, "london", "paris"}, {paris, london, "paris", "london"}} {
			beats := listen(t, way.to, heartbeat(way.sender))
			deltas := listen(t, way.to, delta(way.sender, "*/"+way.hearer))
			dirs := listen(t, way.to, delta(way.sender, mirror.Dir))
			answers := listen(t, way.to, answer(way.sender, way.hearer, mirror.Any))
			pulls := listen(t, way.from, pull(way.sender, mirror.Any, mirror.Any))
			stop, err := way.from.Subscribe(call(way.sender, mirror.Any, mirror.Any), func(m mirror.Message) {
				if err := m.Reply(append([]byte("yes to "), m.Payload...)); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			publish(t, way.from, heartbeat(way.sender), "alive")
			beats.only(t, "alive")
			publish(t, way.from, delta(way.sender, "bind/"+way.hearer), "201")
			publish(t, way.from, delta(way.sender, "bind/berlin"), "not for them")
			deltas.only(t, "201")
			publish(t, way.from, delta(way.sender, mirror.Dir), "names")
			dirs.only(t, "names")
			publish(t, way.to, pull(way.sender, way.hearer, "bind/"+way.hearer), "since")
			pulls.only(t, "since")
			publish(t, way.from, answer(way.sender, way.hearer, "bind/"+way.hearer), "page")
			answers.only(t, "page")
			reply, err := way.to.Request(within(t), call(way.sender, way.hearer, "evidence"), []byte("x"))
			if err != nil || string(reply) != "yes to x" {
				t.Fatalf("%s asks %s: %q, %v", way.hearer, way.sender, reply, err)
			}
		}
		london.Close()
		awaitLine(t, paris, "london", false)
	}
}

func TestSetPeers_ChangesLinesWithoutCuttingOthers(t *testing.T) {
	n := network(t, nil, "london", "paris")
	london, paris := n["london"], n["paris"]
	ca := newCA(t, "another root, for a peer that never comes up")
	before := london.Counters().Connects + paris.Counters().Connects
	base := []natscarrier.Peer{{System: "paris", Address: paris.Addr().String()}}

	oslo := start(t, withPeer(basis("oslo", identity(t, ca, "oslo")), "london"))
	more := append(base, natscarrier.Peer{System: "oslo", Address: oslo.Addr().String()}, natscarrier.Peer{System: "rome"})
	if err := london.SetPeers(more); err != nil {
		t.Fatal(err)
	}
	why(t, london, "oslo", "another root")
	why(t, london, "rome", "it dials us")
	if err := london.SetPeers(append(more, natscarrier.Peer{System: "oslo"})); err == nil {
		t.Fatal("two lines to oslo were taken")
	}
	if err := london.SetPeers(base); err != nil {
		t.Fatal(err)
	}
	if got := london.Lines(); len(got) != 1 || !got[0].Up {
		t.Fatalf("lines are %+v", got)
	}
	if len(paris.Arrivals()) != 1 || paris.Arrivals()[0].Connections != 3 {
		t.Fatalf("arrivals at paris: %+v", paris.Arrivals())
	}
	if after := london.Counters().Connects + paris.Counters().Connects; after != before {
		t.Fatalf("%d connections were made anew", after-before)
	}

	if err := paris.SetPeers(nil); err != nil {
		t.Fatal(err)
	}
	why(t, london, "paris", "paris does not accept a line from us")
}

func TestSetPeers_AMemberHearsTheDirectoryOnly(t *testing.T) {
	n := network(t, nil, "london", "paris")
	london, paris := n["london"], n["paris"]
	asMember := []natscarrier.Peer{{System: "paris", Address: paris.Addr().String(), Member: true}}
	if err := london.SetPeers(asMember); err != nil {
		t.Fatal(err)
	}
	if err := paris.SetPeers([]natscarrier.Peer{{System: "london", Address: london.Addr().String(), Member: true}}); err != nil {
		t.Fatal(err)
	}
	awaitLine(t, london, "paris", true)
	awaitLine(t, paris, "london", true)
	until(t, "paris came back with its new permissions", func() bool {
		a := london.Arrivals()
		return len(a) == 1 && a[0].Connections == 3
	})
	all := listen(t, paris, delta("london", mirror.Any))
	pulls := listen(t, london, pull("london", mirror.Any, mirror.Any))
	publish(t, london, delta("london", "bind/paris"), "secret")
	publish(t, london, delta("london", mirror.Dir), "names")
	all.only(t, "names")
	publish(t, paris, pull("london", "paris", "bind/paris"), "secret?")
	publish(t, paris, pull("london", "paris", mirror.Dir), "names?")
	pulls.only(t, "names?")
}

func TestHeartbeats_DoNotWaitBehindBulkOrASlowHandler(t *testing.T) {
	n := network(t, nil, "london", "paris")
	london, paris := n["london"], n["paris"]
	release := make(chan struct{})
	stop, err := paris.Subscribe(answer("london", "paris", mirror.Any), func(mirror.Message) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer close(release)
	beats := listen(t, paris, heartbeat("london"))
	page := make([]byte, 256<<10)
	for range 400 { // 100 MiB that nobody takes, more than any buffer on the way
		if err := london.Publish(answer("london", "paris", "bind/paris"), page); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	publish(t, london, heartbeat("london"), "alive")
	beats.only(t, "alive")
	if took := time.Since(began); took > time.Second {
		t.Errorf("a heartbeat took %v", took)
	}
	until(t, "what did not fit was dropped and counted", func() bool {
		if err := london.Publish(answer("london", "paris", "bind/paris"), page); err != nil {
			t.Fatal(err)
		}
		return paris.Counters().DroppedQueue > 0
	})
}

func TestRequest_EndsWithItsContext(t *testing.T) {
	n := network(t, nil, "london", "paris")
	release := make(chan struct{})
	stop, err := n["london"].Subscribe(call("london", mirror.Any, mirror.Any), func(mirror.Message) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer close(release)
	ctx, cancel := contextFor(20 * time.Millisecond)
	defer cancel()
	if _, err := n["paris"].Request(ctx, call("london", "paris", "evidence"), nil); !errors.Is(err, ctx.Err()) || err == nil {
		t.Fatalf("%v", err)
	}
}

// In a lab that runs sixty times as fast, heartbeats come each 83 ms and a home is
// visible for 250 ms. How long a blip silences them is logged; the bound is for a machine
// that is busy with other tests.
func TestFO3_ABlipAtSpeed60(t *testing.T) {
	ca := newCA(t, "root")
	fast := func(cfg natscarrier.Config) natscarrier.Config {
		cfg.Timing = natscarrier.Timing{}.Scaled(60)
		return cfg
	}
	paris := start(t, fast(withPeer(basis("paris", identity(t, ca, "paris")), "london")))
	between, err := proxy.New("127.0.0.1:0", paris.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = between.Close() })
	cfg := fast(basis("london", identity(t, ca, "london")))
	cfg.Peers = []natscarrier.Peer{{System: "paris", Address: between.Addr()}}
	london := start(t, cfg)
	awaitLine(t, london, "paris", true)
	beats := listen(t, london, heartbeat("paris"))
	passes(t, paris, "paris", beats, "before")
	for range 5 {
		connects := london.Counters().Connects
		between.Reset()
		began := time.Now()
		until(t, "new connections", func() bool { return london.Counters().Connects >= connects+3 })
		passes(t, paris, "paris", beats, "after")
		took := time.Since(began)
		t.Logf("after a blip heartbeats are heard again after %v", took)
		if took > 2*time.Second {
			t.Errorf("a blip took %v", took)
		}
	}
}
