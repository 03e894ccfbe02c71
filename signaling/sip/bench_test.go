package sip

import (
	"testing"
	"time"

	"roost/signaling/sip/flow"
)

// BenchmarkRegisterRefresh is one phone's refresh, signed anew each time with
// the next nonce count, through the endpoint without a socket.
func BenchmarkRegisterRefresh(b *testing.B) {
	s, p := newSite(b), newPhone("201")
	s.Endpoint.o.Office = deciding{s.desk, Decision{}}
	p.register(b, s)
	headers := []string{p.contact(), "Expires: 600"}
	const batch = 2048
	messages := make([][]byte, batch)
	in := flow.Inbound{Flow: 77, Transport: flow.UDP, Local: here, Remote: there, Proven: true}
	room := make([]byte, 0, 2048)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%batch == 0 {
			b.StopTimer()
			for j := range messages {
				messages[j] = []byte(p.write(ask{headers: headers}))
			}
			b.StartTimer()
		}
		in.Bytes, in.Answer, in.At = messages[i%batch], room[:0], time.Now()
		s.Handle(&in)
	}
	b.StopTimer()
	if got := s.value(cRegistered); got != uint64(b.N)+1 {
		b.Fatalf("%d of %d refreshes were granted", got-1, b.N)
	}
}

// BenchmarkRegisterChallenge is the stateless 401.
func BenchmarkRegisterChallenge(b *testing.B) {
	s, p := newSite(b), newPhone("201")
	s.Endpoint.o.Office = deciding{s.desk, Decision{}}
	raw := []byte(p.write(ask{headers: []string{p.contact(), "Expires: 600"}}))
	in := flow.Inbound{Flow: 77, Transport: flow.UDP, Local: here, Remote: there, Bytes: raw}
	room := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		in.Answer, in.At = room[:0], time.Now()
		s.Handle(&in)
	}
}

// BenchmarkRefuse is FO1's 503 in the normal state.
func BenchmarkRefuse(b *testing.B) {
	s, p := newSite(b), newPhone("201")
	s.Endpoint.o.Office = deciding{s.desk, Decision{Verdict: Refuse}}
	raw := []byte(p.write(ask{headers: []string{p.contact(), "Expires: 600"}}))
	in := flow.Inbound{Flow: 77, Transport: flow.UDP, Local: here, Remote: there, Bytes: raw}
	room := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		in.Answer, in.At = room[:0], time.Now()
		s.Handle(&in)
	}
}

// deciding is a desk that says always the same and keeps nothing.
type deciding struct {
	*desk
	say Decision
}

func (d deciding) Ask(*Question) Decision { return d.say }

var _ Office = deciding{}
