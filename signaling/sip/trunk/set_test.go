package trunk

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/registrar"
	"roost/signaling/sip"
)

// A registered trunk registers, is asked whether it is there, and is taken back.
func TestSet_RegistersPingsAndTakesBack(t *testing.T) {
	challenge := func(_ netip.AddrPort, r sip.Request) int {
		for _, h := range r.Header {
			if h.Name == "Authorization" {
				return 200
			}
		}
		if r.Method == "OPTIONS" {
			return 405 // any answer is one
		}
		return 401
	}
	var front *front
	on(t, challenge, []Config{carrierUDP()}, func(b *bench) {
		front = b.front
		v := b.view("carrier")
		if v.State != Up || v.Registration.Standing != Registered || v.Server.String() != "192.0.2.1:5060" || b.told.last() != "carrier up" {
			b.t.Fatalf("%+v, told %v", v, b.told.told)
		}
		if got := b.front.since(0); !slices.Equal(got, []string{"REGISTER 192.0.2.1:5060 600", "REGISTER 192.0.2.1:5060 600", "OPTIONS 192.0.2.1:5060"}) {
			b.t.Errorf("sent %q", got)
		}
		b.pass(5 * time.Minute)
		if pings := len(b.front.since(3)); pings != 10 {
			b.t.Errorf("%d pings in 5 minutes", pings)
		}
		b.pass(time.Hour)
		if v := b.view("carrier"); v.State != Up || v.Registration.Until.Before(time.Now()) {
			b.t.Errorf("after an hour %+v", v)
		}
		if len(b.told.told) != 1 {
			b.t.Errorf("told %v", b.told.told)
		}
	})
	if got := front.since(0); got[len(got)-1] != "REGISTER 192.0.2.1:5060 0" {
		t.Errorf("the last that was sent is %q", got[len(got)-1])
	}
}

// The first server is dead: the second one is used, the first left alone for 30 s and
// then tried again, since it has the better priority.
func TestRFC3263_4_3_FailoverToTheNextServer(t *testing.T) {
	a, b2 := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	for name, status := range map[string]int{"silent": 0, "503": 503} {
		t.Run(name, func(t *testing.T) {
			dead := func(at netip.AddrPort, _ sip.Request) int {
				if at == a {
					return status
				}
				return 200
			}
			on(t, dead, []Config{carrierUDP()}, func(b *bench) {
				b.pass(20 * time.Second)
				v := b.view("carrier")
				if v.State != Up || v.Server != b2 || !v.Servers[0].Avoided || v.Servers[1].Avoided || b.Counters().Failovers == 0 {
					b.t.Fatalf("%+v", v)
				}
				if w, err := b.reach("carrier"); err != nil || w.Server != b2 || w.Domain != "carrier.test" || w.URI("0301") != "sip:0301@carrier.test" {
					b.t.Errorf("a call goes to %+v, %v", w, err)
				}
				b.front.set(answers(200))
				b.pass(90 * time.Second)
				if v := b.view("carrier"); v.Server != a || v.Servers[0].Avoided {
					b.t.Errorf("after its return %+v", v)
				}
			})
		})
	}
}

// A call finds its server failing: the next call goes to the other one, at once.
func TestSet_AServerThatDoesNotTakeACallIsAvoided(t *testing.T) {
	c := carrierUDP()
	c.Register, c.Credentials = false, Credentials{}
	on(t, answers(200), []Config{c}, func(b *bench) {
		w, err := b.reach("carrier")
		if err != nil || w.Server.String() != "192.0.2.1:5060" || w.Domain != "" {
			b.t.Fatalf("%+v, %v", w, err)
		}
		n := len(b.front.since(0))
		b.Failed("carrier", w.Server, 0)
		if w, err = b.reach("carrier"); err != nil || w.Server.String() != "192.0.2.2:5060" {
			b.t.Errorf("then %+v, %v", w, err)
		}
		synctest.Wait()
		if got := b.front.since(n); !slices.Equal(got, []string{"OPTIONS 192.0.2.2:5060"}) {
			b.t.Errorf("asked after the failure: %q", got)
		}
		b.pass(31 * time.Second)
		if w, _ = b.reach("carrier"); w.Server.String() != "192.0.2.1:5060" {
			b.t.Errorf("after 30 s %+v", w)
		}
		b.Failed("carrier", w.Server, 2*time.Minute) // Retry-After
		b.pass(90 * time.Second)
		if w, _ = b.reach("carrier"); w.Server.String() != "192.0.2.2:5060" {
			b.t.Errorf("within its Retry-After %+v", w)
		}
		if n, up := b.Ways("carrier"); n != 2 || !up {
			b.t.Errorf("%d ways, up %v", n, up)
		}
		if _, err := b.reach("nobody"); !errors.Is(err, ErrNoTrunk) {
			b.t.Errorf("a trunk that is not there: %v", err)
		}
	})
}

// Nothing answers: the alarm, in 30 s and not later; all well again: cleared, and the
// registration does not wait its half hour out.
func TestSet_DownAndUpAgain(t *testing.T) {
	on(t, answers(200), []Config{carrierUDP()}, func(b *bench) {
		b.front.set(answers(0))
		b.pass(45 * time.Second)
		if v := b.view("carrier"); v.State != Down || !strings.Contains(b.told.last(), "does not answer OPTIONS: 408 no answer") {
			b.t.Fatalf("%+v, told %v", v, b.told.told)
		}
		if n, up := b.Ways("carrier"); n != 2 || up {
			b.t.Errorf("%d ways, up %v", n, up)
		}
		b.pass(3 * time.Hour)
		if v := b.view("carrier"); v.Registration.Standing != Unreachable || time.Until(v.Registration.Next) < 0 {
			b.t.Fatalf("after three hours %+v", v.Registration)
		}
		b.front.set(answers(200))
		b.pass(45 * time.Second)
		if v := b.view("carrier"); v.State != Up || v.Registration.Standing != Registered || b.told.last() != "carrier up" {
			b.t.Errorf("45 s after its return %+v", v)
		}
	})
}

// 403: an alarm that says what to do, and no more than a few REGISTERs an hour.
func TestSet_RefusedIsAnAlarmAndSlow(t *testing.T) {
	refuse := func(_ netip.AddrPort, r sip.Request) int {
		if r.Method == "REGISTER" {
			return 403
		}
		return 200
	}
	on(t, refuse, []Config{carrierUDP()}, func(b *bench) {
		b.pass(2 * time.Hour)
		registers := 0
		for _, s := range b.front.since(0) {
			if strings.HasPrefix(s, "REGISTER") {
				registers++
			}
		}
		if registers < 4 || registers > 9 || !strings.Contains(b.told.last(), "refuses our registration: 403") {
			b.t.Errorf("%d REGISTERs in two hours, told %v", registers, b.told.told)
		}
	})
}

// The name servers fail: what was found stays good; nothing was ever found: down.
func TestSet_WithoutNameServers(t *testing.T) {
	on(t, answers(200), []Config{carrierUDP()}, func(b *bench) {
		b.zone.fail(errors.New("no name server answers"))
		b.pass(time.Hour)
		if v := b.view("carrier"); v.State != Up || b.Counters().LookupsFailed == 0 {
			b.t.Errorf("%+v, %+v", v, b.Counters())
		}
		b.Configure([]Config{carrierUDP(), {Name: "pbx", Peer: "pbx.test", Transport: TCP}})
		synctest.Wait()
		if v := b.view("pbx"); v.State != Down || !strings.Contains(v.Why, "no name server answers") {
			b.t.Errorf("%+v", v)
		}
		b.zone.fail(nil)
		b.zone.mu.Lock()
		b.zone.addrs["pbx.test"] = []string{"192.0.2.7"}
		b.zone.mu.Unlock()
		b.pass(40 * time.Second)
		if v := b.view("pbx"); v.State != Up {
			b.t.Errorf("with name servers again %+v", v)
		}
	})
}

// The DNS is asked again when its answer has expired, and what it says then is used.
func TestSet_NamesAreLookedUpAgainByTTL(t *testing.T) {
	on(t, answers(200), []Config{carrierUDP()}, func(b *bench) {
		b.zone.mu.Lock()
		asked := b.zone.asked
		b.zone.addrs["a.test"] = []string{"192.0.2.99"}
		b.zone.mu.Unlock()
		b.pass(50 * time.Second)
		b.zone.mu.Lock()
		if b.zone.asked != asked {
			b.t.Errorf("asked %d times within the TTL", b.zone.asked-asked)
		}
		b.zone.mu.Unlock()
		b.pass(15 * time.Second)
		if w, _ := b.reach("carrier"); w.Server.String() != "192.0.2.99:5060" {
			b.t.Errorf("after the TTL %+v", w)
		}
	})
}

// A connection is opened once, used again, and when it is gone the registration is made
// anew over another.
func TestSet_AConnectionThatIsGoneIsMadeAnew(t *testing.T) {
	c := carrierUDP()
	c.Transport = TCP
	on(t, answers(200), []Config{c}, func(b *bench) {
		w, err := b.reach("carrier")
		if err != nil {
			b.t.Fatal(err)
		}
		again, _ := b.reach("carrier")
		if again.Flow != w.Flow || b.Counters().Connected != 1 {
			b.t.Errorf("flows %v and %v, %d connections", w.Flow, again.Flow, b.Counters().Connected)
		}
		peer := sip.FlowPeer{Peer: sip.Peer{Flow: w.Flow, Transport: registrar.TCP, Source: w.Server}}
		if name, _, ok := b.Recognise(peer, nil); !ok || name != "carrier" {
			b.t.Error("what comes over our connection is not the trunk's")
		}
		n := len(b.front.since(0))
		b.front.drop(w.Flow)
		b.FlowClosed(w.Flow)
		synctest.Wait()
		if got := b.front.since(n); len(got) < 1 || got[0] != "REGISTER 192.0.2.1:5060 600" {
			b.t.Errorf("after the loss %q", got)
		}
		peer.Source = netip.MustParseAddrPort("192.0.2.200:1")
		if _, _, ok := b.Recognise(peer, nil); ok {
			b.t.Error("a flow that is gone is still the trunk's")
		}
		// A connection that is lost without a word.
		w, _ = b.reach("carrier")
		b.front.drop(w.Flow)
		b.pass(100 * time.Second)
		if again, err := b.reach("carrier"); err != nil || again.Flow == w.Flow || again.Server != w.Server {
			b.t.Errorf("%+v, %v", again, err)
		}
	})
}

// RFC 5626 §4.4.1: a connection over which nothing comes back is given up.
func TestSet_ASilentConnectionIsGivenUp(t *testing.T) {
	c := carrierUDP()
	c.Transport = TCP
	on(t, answers(200), []Config{c}, func(b *bench) {
		w, _ := b.reach("carrier")
		b.front.hush(w.Flow)
		b.pass(100 * time.Second)
		again, err := b.reach("carrier")
		if err != nil || again.Server != w.Server || again.Flow == w.Flow || b.front.closed != 1 {
			b.t.Errorf("%+v, %v, %d closed", again, err, b.front.closed)
		}
		if v := b.view("carrier"); v.State != Up || v.Registration.Standing != Registered {
			b.t.Errorf("%+v", v)
		}
		// A server that never answers costs no connection a second.
		b.front.set(answers(0))
		connected := b.Counters().Connected
		b.pass(10 * time.Minute)
		if more := b.Counters().Connected - connected; more > 80 { // a ping every 30 s, and some REGISTERs, to each
			b.t.Errorf("%d connections in 10 minutes to two silent servers", more)
		}
	})
}

func TestSet_WhoseCallItIs(t *testing.T) {
	secure := Config{Name: "secure", Peer: "192.0.2.50", Transport: TLS}
	stream := Config{Name: "stream", Peer: "192.0.2.60", Transport: TCP, Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	on(t, answers(200), []Config{carrierUDP(), secure, stream}, func(b *bench) {
		for _, c := range []struct {
			from string
			over registrar.Transport
			user string
			want string
			line bool
		}{
			{"192.0.2.1:5060", registrar.UDP, "4930555", "carrier", false},
			{"192.0.2.2:9999", registrar.UDP, "4930555", "carrier", false}, // the server that is not in use, another port
			{"192.0.2.1:5060", registrar.UDP, "4930123", "carrier", true},  // the account instead of the contact
			{"203.0.113.9:5060", registrar.UDP, "t0123", "carrier", true},  // the contact
			{"203.0.113.9:5060", registrar.UDP, "t0124", "", false},
			{"203.0.113.9:5060", registrar.UDP, "4930123", "", false}, // everybody knows the account
			{"203.0.113.9:5060", registrar.UDP, "", "", false},
			{"192.0.2.50:5061", registrar.TLS, "x", "secure", false},
			{"192.0.2.50:5061", registrar.TCP, "x", "", false},
			{"192.0.2.50:5061", registrar.UDP, "x", "", false}, // anybody can write that source
			{"192.0.2.60:5060", registrar.TCP, "x", "stream", false},
			{"192.0.2.60:5060", registrar.UDP, "x", "", false},
			{"198.51.100.7:5060", registrar.TLS, "x", "stream", false},
			{"198.51.101.7:5060", registrar.TLS, "x", "", false},
		} {
			name, line, ok := b.Recognise(sip.FlowPeer{Peer: sip.Peer{Source: netip.MustParseAddrPort(c.from), Transport: c.over}, User: c.user}, nil)
			if name != c.want || line != c.line || ok != (c.want != "") {
				b.t.Errorf("%s over %v for %q: %q, line %v, %v", c.from, c.over, c.user, name, line, ok)
			}
		}
	})
}

// Another configuration: what is the same goes on, what is altered is taken back first.
func TestSet_Configure(t *testing.T) {
	c := carrierUDP()
	pbx := Config{Name: "pbx", Peer: "192.0.2.7", Transport: UDP}
	on(t, answers(200), []Config{c, pbx}, func(b *bench) {
		n := len(b.front.since(0))
		b.Configure([]Config{c, pbx})
		synctest.Wait()
		if got := b.front.since(n); len(got) != 0 {
			b.t.Errorf("nothing changed, and %q was sent", got)
		}
		c.Credentials.Password = "another"
		b.Configure([]Config{c})
		synctest.Wait()
		if got := b.front.since(n); !slices.Equal(got, []string{"REGISTER 192.0.2.1:5060 0", "REGISTER 192.0.2.1:5060 600", "OPTIONS 192.0.2.1:5060"}) {
			b.t.Errorf("sent %q", got)
		}
		if len(b.View()) != 1 {
			b.t.Errorf("%+v", b.View())
		}
		if _, _, ok := b.Recognise(sip.FlowPeer{Peer: sip.Peer{Source: netip.MustParseAddrPort("192.0.2.7:5060"), Transport: registrar.UDP}}, nil); ok {
			b.t.Error("a trunk that was removed is still believed")
		}
	})
}

// A carrier that is dead at the end does not hold the system up.
func TestSet_StopIsBounded(t *testing.T) {
	on(t, answers(200), []Config{carrierUDP()}, func(b *bench) {
		b.front.set(answers(0))
		before := time.Now()
		if err := b.Stop(b.t.Context()); err != nil || time.Since(before) > 3*time.Second {
			b.t.Errorf("%v after %v", err, time.Since(before))
		}
		b.Configure([]Config{carrierUDP()}) // too late, and harmless
	})
}

// A fault of ours costs the trunk half a minute, and nothing else.
func TestSet_APanicCostsAWhile(t *testing.T) {
	on(t, answers(200), []Config{carrierUDP()}, func(b *bench) {
		b.front.set(func(netip.AddrPort, sip.Request) int {
			b.front.mu.Unlock() // Request holds it
			panic("planted")
		})
		b.pass(31 * time.Second)
		if b.Counters().Panics == 0 {
			b.t.Fatal("no panic")
		}
		b.front.set(answers(200))
		b.pass(61 * time.Second)
		if v := b.view("carrier"); v.State != Up || v.Registration.Standing != Registered {
			b.t.Errorf("%+v", v)
		}
	})
}

// Two accounts at one carrier: the number that is called tells them apart.
func TestSet_TwoTrunksOfOneAddress(t *testing.T) {
	one, two := carrierUDP(), carrierUDP()
	two.Name, two.Line, two.Credentials.User = "second", "t9999", "4989456"
	on(t, answers(200), []Config{one, two}, func(b *bench) {
		has := func(trunk, number string) bool { return trunk == "second" && number == "4989456201" }
		for user, want := range map[string]string{"4989456201": "second", "4930123201": "carrier", "4989456": "second", "t9999": "second"} {
			name, _, ok := b.Recognise(sip.FlowPeer{Peer: sip.Peer{Source: netip.MustParseAddrPort("192.0.2.2:5060"), Transport: registrar.UDP}, User: user}, has)
			if name != want || !ok {
				b.t.Errorf("a call for %s is of %q", user, name)
			}
		}
	})
}

// Calls, failures, lost connections, views and new configurations, all at once.
func TestSet_ManyAtOnce(t *testing.T) {
	c := carrierUDP()
	c.Transport = TCP
	on(t, answers(200), []Config{c}, func(b *bench) {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for range 100 {
					w, err := b.reach("carrier")
					switch {
					case err != nil: // between two configurations
					case i == 0:
						b.Failed("carrier", w.Server, 0)
					case i == 1:
						b.front.drop(w.Flow)
						b.FlowClosed(w.Flow)
					case i == 2:
						c := c
						c.Expires += time.Second * time.Duration(w.Flow%2)
						b.Configure([]Config{c})
					}
					b.View()
					b.Ways("carrier")
					b.Recognise(sip.FlowPeer{Peer: sip.Peer{Flow: w.Flow, Source: w.Server, Transport: registrar.TCP}}, nil)
					<-time.After(10 * time.Millisecond)
				}
			})
		}
		group.Wait()
		b.pass(2 * time.Minute)
		if v := b.view("carrier"); v.State != Up || v.Registration.Standing != Registered {
			b.t.Errorf("afterwards %+v", v)
		}
		if b.Counters().Panics != 0 {
			b.t.Errorf("%d panics", b.Counters().Panics)
		}
	})
}

// What each INVITE that comes in costs, also a phone's.
func BenchmarkRecognise(b *testing.B) {
	s := New(Options{})
	var all []*line
	for i := range 100 {
		c := carrierUDP()
		c.Name, c.Line = fmt.Sprint("trunk", i), fmt.Sprint("t", i)
		l := &line{set: s, c: c}
		l.servers.Set([]Server{{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 5060)}})
		all = append(all, l)
	}
	s.lines = all
	s.reindex()
	phone := sip.FlowPeer{Peer: sip.Peer{Source: netip.MustParseAddrPort("198.51.100.7:5060"), Transport: registrar.UDP}, User: "201"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, ok := s.Recognise(phone, nil); ok {
				b.Error("a phone is a trunk")
			}
		}
	})
}
