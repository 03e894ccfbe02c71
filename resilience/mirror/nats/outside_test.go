package natscarrier_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"roost/certs"
	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

// cluster is a NATS cluster of three servers on real sockets, as an operator runs it:
// mutual TLS, a user for each system, mapped from its certificate, with the
// permissions that docs/sharing.md asks for.
func cluster(t *testing.T, ca *certs.CA, systems ...string) []*server.Server {
	t.Helper()
	var servers []*server.Server
	var routes []*url.URL
	for i := range 3 {
		opts := &server.Options{
			ServerName: fmt.Sprintf("hub%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
			Cluster:   server.ClusterOpts{Name: "hubs", Host: "127.0.0.1", Port: server.RANDOM_PORT},
			Routes:    routes,
			TLSConfig: identity(t, ca, fmt.Sprintf("hub%d", i)).LineServer(certs.Line{Clock: time.Now}),
			TLSVerify: true, TLSMap: true, TLSTimeout: 5,
		}
		for _, system := range systems {
			opts.Users = append(opts.Users, &server.User{
				Username: "sipnode://" + system, Permissions: natscarrier.OutsidePermissions(system),
			})
		}
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(patience) {
			t.Fatal("a server of the cluster did not start")
		}
		servers = append(servers, s)
		routes = append(routes, &url.URL{Scheme: "nats", Host: s.ClusterAddr().String()})
	}
	until(t, "the cluster has formed", func() bool {
		for _, s := range servers {
			if s.NumRoutes() < 2 {
				return false
			}
		}
		return true
	})
	return servers
}

func urls(servers []*server.Server) (list []string) {
	for _, s := range servers {
		list = append(list, "tls://"+s.Addr().String())
	}
	return list
}

func onCluster(t *testing.T, servers []*server.Server, ca *certs.CA, system string, peers ...string) *natscarrier.Carrier {
	t.Helper()
	cfg := basis(system, identity(t, ca, system))
	cfg.Listen = ""
	cfg.Outside = &natscarrier.Outside{URLs: urls(servers)}
	for _, p := range peers {
		cfg.Peers = append(cfg.Peers, natscarrier.Peer{System: p})
	}
	c := start(t, cfg)
	for _, p := range peers {
		awaitLine(t, c, p, true)
	}
	return c
}

func TestOutside_TheSameSubjectsOverACluster(t *testing.T) {
	ca := newCA(t, "root")
	hubs := cluster(t, ca, "london", "paris", "berlin", "oslo")
	// One system on each server, so that every message crosses the cluster.
	london := onCluster(t, hubs[:1], ca, "london", "paris", "berlin")
	paris := onCluster(t, hubs[1:2], ca, "paris", "london", "berlin")
	berlin := onCluster(t, hubs[2:], ca, "berlin", "london", "paris")

	beats := listen(t, paris, heartbeat(mirror.Any))
	deltas := listen(t, paris, delta(mirror.Any, "*/paris"))
	berlins := listen(t, berlin, delta(mirror.Any, mirror.Any))
	pulls := listen(t, london, pull("london", mirror.Any, mirror.Any))
	answers := listen(t, paris, answer(mirror.Any, "paris", mirror.Any))
	stop, err := london.Subscribe(call("london", mirror.Any, mirror.Any), func(m mirror.Message) { _ = m.Reply([]byte(m.Subject.Peer)) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	passes(t, london, "london", beats, "alive") // interest has spread over the cluster
	publish(t, london, delta("london", "bind/paris"), "201")
	deltas.only(t, "201")
	publish(t, paris, pull("london", "paris", "bind/paris"), "since")
	pulls.only(t, "since")
	publish(t, london, answer("london", "paris", "bind/paris"), "page")
	answers.only(t, "page")
	if reply, err := paris.Request(within(t), call("london", "paris", "x"), nil); err != nil || string(reply) != "paris" {
		t.Fatalf("%q, %v", reply, err)
	}
	publish(t, london, delta("london", mirror.Dir), "names")
	berlins.only(t, "names")

	// oslo is in the cluster, but nobody has a line to it: it is a member, no more.
	fromOslo := listen(t, paris, delta("oslo", mirror.Any))
	oslo := onCluster(t, hubs[:1], ca, "oslo", "london")
	passes(t, oslo, "oslo", beats, "hello")
	publish(t, oslo, delta("oslo", "bind/paris"), "not asked for")
	until(t, "that was dropped", func() bool { return paris.Counters().Forged == 1 })
	publish(t, oslo, delta("oslo", mirror.Dir), "names")
	fromOslo.only(t, "names")
	london.Close()
	until(t, "nobody answers for london", func() bool {
		ctx, cancel := contextFor(200 * time.Millisecond)
		defer cancel()
		_, err := paris.Request(ctx, call("london", "paris", "x"), nil)
		return err != nil
	})
}

// A server of the cluster stops while heartbeats and deltas flow; how much is lost,
// and how long nothing is heard, is logged, and bounded.
func TestOutside_AServerOfTheClusterStops(t *testing.T) {
	for name, hub := range map[string]int{"the publisher's": 0, "the subscriber's": 1, "another": 2} {
		t.Run(name, func(t *testing.T) {
			ca := newCA(t, "root")
			hubs := cluster(t, ca, "london", "paris")
			rotated := func(first int) []*server.Server {
				return []*server.Server{hubs[first], hubs[(first+1)%3], hubs[(first+2)%3]}
			}
			london := onCluster(t, rotated(0), ca, "london", "paris")
			paris := onCluster(t, rotated(1), ca, "paris", "london")
			deltas := listen(t, paris, delta("london", "*/paris"))
			passes(t, london, "london", listen(t, paris, heartbeat("london")), "alive")

			const total, stopAt = 400, 100
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			stopped := make(chan struct{})
			for i := range total {
				<-tick.C
				if i == stopAt {
					go func() { hubs[hub].Shutdown(); close(stopped) }()
				}
				publish(t, london, delta("london", "bind/paris"), fmt.Sprint(i))
			}
			<-stopped
			awaitLine(t, london, "paris", true)
			awaitLine(t, paris, "london", true)
			received, longest := 0, 0
			last := -1
			for last != total-1 {
				var n int
				if _, err := fmt.Sscan(string(deltas.next(t).Payload), &n); err != nil {
					t.Fatal(err)
				}
				longest = max(longest, n-last-1)
				last = n
				received++
			}
			t.Logf("stopping %s server: %d of %d messages lost, longest gap %v",
				name, total-received, total, time.Duration(longest+1)*5*time.Millisecond)
			if longest > 200 {
				t.Errorf("nothing was heard for %d messages, more than a second", longest)
			}
		})
	}
}

func TestOutside_ACloneOfAnotherUserCannotSpeakForIt(t *testing.T) {
	ca := newCA(t, "root")
	hubs := cluster(t, ca, "london", "paris", "berlin")
	london := onCluster(t, hubs, ca, "london", "paris", "berlin")
	beats := listen(t, london, heartbeat(mirror.Any))
	conn := intruderAt(t, hubs[0].Addr().String(), identity(t, ca, "berlin"))
	for _, subject := range []string{"hb.paris", "hb.london", "repl.paris.delta.dir", "rpc.london.paris.x"} {
		if err := conn.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Publish("hb.berlin", []byte("true")); err != nil {
		t.Fatal(err)
	}
	beats.only(t, "true")
}

func TestOutside_SaysWhyThereIsNoCluster(t *testing.T) {
	ca := newCA(t, "root")
	cfg := basis("london", identity(t, ca, "london"))
	cfg.Outside = &natscarrier.Outside{URLs: []string{"tls://me:secret@" + freePort(t)}}
	cfg.Peers = []natscarrier.Peer{{System: "paris"}}
	c := start(t, cfg)
	why(t, c, "paris", "can be reached")
	if reason := lineOf(c, "paris").Why; strings.Contains(reason, "secret") {
		t.Fatalf("a password in %q", reason)
	}
	hubs := cluster(t, ca, "paris") // london has no user there
	cfg.Outside = &natscarrier.Outside{URLs: urls(hubs)}
	why(t, start(t, cfg), "paris", "does not accept this system's user or certificate")
	cfg.Identity = identity(t, newCA(t, "foreign"), "london")
	why(t, start(t, cfg), "paris", "certificate")
}
