package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"roost/certs"
	"roost/cmd/roost/console/api"
	natscarrier "roost/resilience/mirror/nats"
)

// outsideServer is a nats-server as its operator runs it: mutual TLS, a user for each
// system mapped from its certificate, with the permissions of docs/sharing.md.
func (s *site) outsideServer(last byte, systems ...string) *server.Server {
	s.t.Helper()
	files, err := s.ca.IssueInto(s.dir, certs.Request{System: "hub", Addresses: []string{s.ip(last).String()}, ValidFor: longLife}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	identity, err := certs.Open(files)
	if err != nil {
		s.t.Fatal(err)
	}
	options := &server.Options{
		ServerName: "hub", Host: s.ip(last).String(), Port: 4222, NoLog: true, NoSigs: true,
		TLSConfig: identity.LineServer(certs.Line{Clock: time.Now}), TLSVerify: true, TLSMap: true, TLSTimeout: 5,
	}
	for _, name := range systems {
		options.Users = append(options.Users, &server.User{Username: "sipnode://" + name, Permissions: natscarrier.OutsidePermissions(name)})
	}
	hub, err := server.NewServer(options)
	if err != nil {
		s.t.Fatal(err)
	}
	hub.Start()
	s.t.Cleanup(func() { hub.Shutdown(); hub.WaitForShutdown() })
	if !hub.ReadyForConnections(patience) {
		s.t.Fatal("the NATS server did not start")
	}
	return hub
}

// Two systems share over an outside NATS server, fail over and back; a system that the
// server does not know gets in nowhere, and says why.
func TestOutsideNATS_FailoverAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.outsideServer(20, "london", "paris")
	over := func(numbers []string, peer string) settings {
		return settings{numbers: numbers, noListener: true,
			network: fmt.Sprintf("  nats: [\"tls://%s\"]\n", s.at(20, 4222)),
			lines:   []string{fmt.Sprintf("{system: %s, backs_up_my: [phones]}", peer)}}
	}
	london, paris := s.start("london", over(six(201), "paris")), s.start("paris", over(six(251), "london"))
	london.mirrors("paris")
	paris.mirrors("london")
	p := s.phones(six(201), []string{"london", "paris"}, nil)
	mark := p.mark()
	p.serves(london, mark)
	paris.until("london's registrations", func(st api.Status) bool { return homeOf(st, "london").Phones == 6 && homeOf(st, "london").Ready })

	oslo := s.start("oslo", over(six(281), "london"))
	oslo.until("the cluster does not accept it", func(st api.Status) bool {
		l := lineTo(st, "london")
		return !l.Up && !l.Complete && l.Why != "" && alarm(st, "line-down", "london")
	})
	oslo.logs(`the NATS cluster .* does not accept this system's user or certificate`)

	london.kill()
	p.allAt("paris")
	if st := paris.status(); st.Phones.Guests != 6 || homeOf(st, "london").State != "SERVING" {
		t.Errorf("after the failover: %s", brief(st))
	}
	london.launch()
	p.allAt("london")
	paris.until("no guests", func(st api.Status) bool { return st.Phones.Guests == 0 })
	onlyRefusedWith(t, p, mark, 503)
}
