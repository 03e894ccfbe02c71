package faults

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone"
)

// talkers are two phones of a fleet that talk to each other all the time, one with RTP
// and one with SRTP, and two that make a new call now and then.
type talkers struct {
	*phones
	heard map[string]int // ms of voice at the last look
}

// talkers switches on four phones of a system and has the first two talk.
func (s *site) talkers(of string, numbers [4]string) *talkers {
	s.t.Helper()
	s.phoneSpeed = patient
	p := s.phones(numbers[:], []string{of}, func(i int, spec *phone.Spec) {
		spec.Transport, spec.Profile = []string{"udp", "tls", "tcp", "udp"}[i], []string{"yealink", "avaya-j100", "yealink", "poly"}[i]
		spec.Calls = phone.Habits{Answers: phone.ByItself, SRTP: []phone.Security{phone.NoSRTP, phone.EnforcedSRTP, phone.NoSRTP, phone.OptionalSRTP}[i]}
	})
	t := &talkers{phones: p, heard: map[string]int{}}
	t.begin(numbers[0], numbers[1])
	return t
}

func (t *talkers) phone(number string) phone.Phone {
	t.t.Helper()
	one, err := t.fleet.Phone(number)
	if err != nil {
		t.t.Fatal(err)
	}
	return one
}

// comes waits for a report of a phone, and gives the first since a mark.
func (t *talkers) comes(mark int, number string, kind phone.Kind) phone.Report {
	t.t.Helper()
	var found phone.Report
	until(t.t, fmt.Sprintf("phone %s reports %s", number, kind), func() (bool, string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, r := range t.reports[mark:] {
			if r.Phone == number && r.Event == kind {
				found = r
				return true, ""
			}
		}
		return false, fmt.Sprint(t.reports[mark:])
	})
	return found
}

// begin has one phone call another, and waits until both hear each other.
func (t *talkers) begin(from, to string) {
	t.t.Helper()
	mark := t.mark()
	t.phone(from).Call(to)
	for _, number := range []string{from, to} {
		t.comes(mark, number, phone.CallUp)
		t.comes(mark, number, phone.VoiceBegan)
	}
}

// look asks a phone what it has heard so far.
func (t *talkers) look(number string) phone.VoiceReport {
	t.t.Helper()
	mark := t.mark()
	t.phone(number).Report(0)
	r := t.comes(mark, number, phone.VoiceSoFar)
	if r.Voice == nil {
		t.t.Fatalf("phone %s says nothing of its voice: %v", number, r)
	}
	return *r.Voice
}

// relays are the relay's ports that the talkers send to.
func (t *talkers) relays() (ports []netip.AddrPort) {
	t.t.Helper()
	for _, number := range t.numbers[:2] {
		at, err := netip.ParseAddrPort(t.look(number).Remote)
		if err != nil {
			t.t.Fatal(err)
		}
		ports = append(ports, at)
	}
	return ports
}

// longestGap is what a busy machine may do to a voice: an attack that gets through lasts
// as long as it is fired.
const longestGap = 900

// goOn checks that the two still talk and were never interrupted, and that a new call
// comes about, is heard both ways, and ends.
func (t *talkers) goOn(on *testing.T) {
	on.Helper()
	before := t.t
	t.t = on
	defer func() { t.t = before }()
	a, b, from, to := t.numbers[0], t.numbers[1], t.numbers[2], t.numbers[3]
	for _, number := range []string{a, b} {
		until(on, number+" hears more", func() (bool, string) {
			v := t.look(number)
			if v.VoiceMS < t.heard[number]+100 || v.Lost {
				return false, fmt.Sprintf("%+v", v)
			}
			t.heard[number] = v.VoiceMS
			if len(v.Tones) != 1 || v.LongestMS > longestGap+v.LateMS || v.Echoed > 0 {
				on.Fatalf("%s heard other voices, or was interrupted: %+v", number, v)
			}
			return true, ""
		})
	}
	t.begin(from, to)
	mark := t.mark()
	t.phone(from).Hangup(0)
	t.comes(mark, from, phone.CallEnded)
	t.comes(mark, to, phone.CallEnded)
}

// shots sends packets to all the ports at a rate, for a time, from strangers' addresses;
// it gives how many it sent, and how many came back to the strangers.
func (s *site) shots(t *testing.T, from []byte, to []netip.AddrPort, rate int, d time.Duration, packet func(i int) []byte) (sent, came int) {
	t.Helper()
	var guns []*gun
	for _, last := range from {
		guns = append(guns, s.gun(t, last))
	}
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	began, all := time.Now(), int(float64(rate)*d.Seconds())
	for sent < all { // all of them, also where this machine is too busy for the rate
		for want := min(all, int(float64(rate)*time.Since(began).Seconds())); sent < want; sent++ {
			guns[sent%len(guns)].fire(packet(sent), to[(sent/len(guns))%len(to)])
		}
		<-pace.C
	}
	took := time.Since(began)
	for _, g := range guns {
		came += g.hits()
	}
	t.Logf("%d packets of strangers in %v", sent, took.Round(time.Millisecond))
	return sent, came
}
