package natscarrier_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"roost/resilience/mirror"
	natscarrier "roost/resilience/mirror/nats"
)

func TestSH1_TwoSystemsCarryEveryClass(t *testing.T) {
	n := network(t, nil, "london", "paris")
	london, paris := n["london"], n["paris"]

	beats := listen(t, paris, heartbeat(mirror.Any))
	deltas := listen(t, paris, delta(mirror.Any, "*/paris"))
	dirs := listen(t, paris, delta("london", mirror.Dir))
	pulls := listen(t, london, pull("london", mirror.Any, mirror.Any))
	answers := listen(t, paris, answer(mirror.Any, "paris", mirror.Any))

	publish(t, london, heartbeat("london"), "alive")
	if m := beats.next(t); m.Subject.Origin != "london" || string(m.Payload) != "alive" {
		t.Fatalf("heard %+v", m)
	}
	publish(t, london, delta("london", "bind/paris"), "201")
	publish(t, london, delta("london", mirror.Dir), "names")
	deltas.only(t, "201")
	dirs.only(t, "names")
	publish(t, paris, pull("london", "paris", "bind/paris"), "since 0")
	if m := pulls.next(t); m.Subject != pull("london", "paris", "bind/paris") || string(m.Payload) != "since 0" {
		t.Fatalf("heard %+v", m)
	}
	publish(t, london, answer("london", "paris", "bind/paris"), "page 1")
	publish(t, london, answer("london", "paris", "bind/paris"), "page 2")
	answers.only(t, "page 1", "page 2")

	stop, err := london.Subscribe(call("london", mirror.Any, mirror.Any), func(m mirror.Message) {
		if err := m.Reply([]byte(m.Subject.Peer + " asked " + m.Subject.Verb + " " + string(m.Payload))); err != nil {
			t.Error(err)
		}
		if err := m.Reply([]byte("twice")); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	reply, err := paris.Request(within(t), call("london", "paris", "evidence"), []byte("201"))
	if err != nil || string(reply) != "paris asked evidence 201" {
		t.Fatalf("%q, %v", reply, err)
	}
}

func TestSH5_AThirdSystemHearsOnlyWhatIsMeantForIt(t *testing.T) {
	n := network(t, nil, "london", "paris", "berlin")
	paris := listen(t, n["paris"], delta("london", mirror.Any))
	berlin := listen(t, n["berlin"], delta("london", mirror.Any))
	for _, m := range [][2]string{{"bind/paris", "p1"}, {"bind/berlin", "b1"}, {"cfg/paris", "p2"}, {mirror.Dir, "end"}} {
		publish(t, n["london"], delta("london", m[0]), m[1])
	}
	both := func(h *heard, want ...string) { // the two subscriptions of a line keep no order between them
		t.Helper()
		got := map[string]bool{}
		for range want {
			got[string(h.next(t).Payload)] = true
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("%q was not heard, only %v", w, got)
			}
		}
		h.only(t)
	}
	both(paris, "p1", "p2", "end")
	both(berlin, "b1", "end")
}

func TestRequest_WhatHasNoAnswerSaysSoAtOnce(t *testing.T) {
	n := network(t, nil, "london", "paris")
	listen(t, n["london"], call("london", mirror.Any, "evidence"))
	_, err := n["paris"].Request(within(t), call("london", "paris", "unknown"), nil)
	if !errors.Is(err, mirror.ErrNoAnswer) {
		t.Fatalf("a verb that nobody serves: %v", err)
	}
	n["london"].Close()
	awaitLine(t, n["paris"], "london", false)
	_, err = n["paris"].Request(within(t), call("london", "paris", "evidence"), nil)
	if !errors.Is(err, mirror.ErrNoAnswer) {
		t.Fatalf("peer away: %v", err)
	}
}

func TestPublish_RefusesWhatCannotBeSent(t *testing.T) {
	c := start(t, basis("london", identity(t, newCA(t, "root"), "london")))
	big := make([]byte, c.MaxPayload()+1)
	if err := c.Publish(heartbeat("london"), big); !errors.Is(err, mirror.ErrTooBig) {
		t.Errorf("too big: %v", err)
	}
	if err := c.Publish(heartbeat("paris"), nil); err == nil {
		t.Error("published as another system")
	}
	if err := c.Publish(call("paris", "london", "x"), nil); err == nil {
		t.Error("published a call")
	}
	if _, err := c.Request(context.Background(), call("paris", "london", "x"), big); !errors.Is(err, mirror.ErrTooBig) {
		t.Errorf("too big a request: %v", err)
	}
	c.Close()
	c.Close()
	if err := c.Publish(heartbeat("london"), nil); !errors.Is(err, mirror.ErrDown) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := c.Subscribe(heartbeat("paris"), func(mirror.Message) {}); !errors.Is(err, mirror.ErrDown) {
		t.Errorf("after Close: %v", err)
	}
}

func TestStart_SaysWhatIsWrongWithTheConfiguration(t *testing.T) {
	id := identity(t, newCA(t, "root"), "london")
	taken := start(t, basis("london", id))
	for name, c := range map[string]struct {
		change func(*natscarrier.Config)
		want   string
	}{
		"no identity":     {func(c *natscarrier.Config) { c.Identity = nil }, "identity certificate"},
		"other identity":  {func(c *natscarrier.Config) { c.System = "paris" }, "names london, but this system is paris"},
		"bad name":        {func(c *natscarrier.Config) { c.System = "a.b" }, "this system"},
		"port taken":      {func(c *natscarrier.Config) { c.Listen = taken.Addr().String() }, "in use"},
		"no port":         {func(c *natscarrier.Config) { c.Listen = "127.0.0.1" }, "network.listen"},
		"port too big":    {func(c *natscarrier.Config) { c.Listen = ":70000" }, "0 to 65535"},
		"itself":          {func(c *natscarrier.Config) { c.Peers = []natscarrier.Peer{{System: "london"}} }, "this system itself"},
		"twice":           {func(c *natscarrier.Config) { c.Peers = []natscarrier.Peer{{System: "a"}, {System: "a"}} }, "two lines to a"},
		"address":         {func(c *natscarrier.Config) { c.Peers = []natscarrier.Peer{{System: "a", Address: "nohost"}} }, "host:port"},
		"no way at all":   {func(c *natscarrier.Config) { c.Listen = ""; c.Peers = []natscarrier.Peer{{System: "a"}} }, "does not listen"},
		"outside nothing": {func(c *natscarrier.Config) { c.Outside = &natscarrier.Outside{} }, "network.nats"},
		"outside scheme": {func(c *natscarrier.Config) {
			c.Outside = &natscarrier.Outside{URLs: []string{"http://me:secret@h:1"}}
		}, "nats://"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := basis("london", id)
			c.change(&cfg)
			got, err := natscarrier.Start(cfg)
			if err == nil {
				got.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("%v, want something with %q", err, c.want)
			}
		})
	}
}
