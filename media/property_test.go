package media

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"roost/media/sdp"
)

// TestSession_Properties lets two phones of any kind offer and answer through a
// session, with refusals and repeated answers, and checks after each step what must
// hold always:
//
//   - RFC 3264: each side sees as many m-lines, in the order, as it knows; an answer
//     rejects what was offered rejected, and has the protocol that was offered;
//   - VP6, SE1: who enforces SRTP is never offered or answered an m-line without;
//   - never one SRTP key for two streams, sides or sessions; what is sent with is
//     what was written;
//   - o= goes on in each dialog;
//   - the relay has no stream that no m-line uses.
func TestSession_Properties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 3).Draw(t, "sessions") {
			w.newSession()
			for range rapid.IntRange(1, 5).Draw(t, "rounds") {
				w.round()
			}
			w.s.Close()
			for _, st := range w.relay.opened {
				if !st.closed {
					t.Fatalf("%s is open after Close", st.name)
				}
			}
		}
	})
}

// Kinds of phones, by how they write what they want.
var dialects = []string{"plain", "savp", "osrtp", "capneg", "two", "dtls"}

// world is a session with its two phones, and every key that was seen.
type world struct {
	*rapid.T
	s       *Session
	parties [2]Party
	cfg     Config
	relay   *paperRelay
	phones  [2]*testPhone
	random  byte
	// owner is whose each key of ours is.
	owner map[string]string
}

func newWorld(t *rapid.T) *world { return &world{T: t, owner: map[string]string{}} }

func (w *world) newSession() {
	w.random++
	w.relay = newPaperRelay()
	party := func(name string) Party {
		p := Party{
			Source:     netip.MustParseAddr(map[string]string{"a": "192.0.2.10", "b": "192.0.2.20"}[name]),
			Transport:  Transport(rapid.IntRange(0, 2).Draw(w.T, name+" transport")),
			Direct:     rapid.Bool().Draw(w.T, name+" direct"),
			Security:   Security(rapid.IntRange(0, 2).Draw(w.T, name+" security")),
			BestEffort: BestEffort(rapid.IntRange(0, 3).Draw(w.T, name+" best effort")),
		}
		return p
	}
	w.parties = [2]Party{party("a"), party("b")}
	for i := range w.phones {
		ph := &testPhone{T: w.T, side: Side(i), version: 1, session: w.random}
		ph.dialect = rapid.SampledFrom(dialects).Draw(w.T, "dialect")
		w.parties[i].Web = ph.dialect == "dtls"
		w.phones[i] = ph
	}
	w.cfg = Config{Direct: rapid.Bool().Draw(w.T, "direct"), SRTCP: rapid.Bool().Draw(w.T, "srtcp"),
		Suites: []Suite{AES128CM80, AES256GCM}}
	w.s = NewSession(w.cfg, w.parties[A], w.parties[B], w.relay, seeded(w.random))
}

// round is one offer with what becomes of it.
func (w *world) round() {
	from := Side(rapid.IntRange(0, 1).Draw(w.T, "from"))
	offerer, answerer := w.phones[from], w.phones[from.Other()]
	before, open := fmt.Sprint(w.s.Path(), w.s.Hold()), w.relay.open()
	offer := offerer.offer()
	out, err := w.s.Offer(from, offer.Bytes())
	if err != nil {
		offerer.lines = max(0, offerer.before)
		if now := fmt.Sprint(w.s.Path(), w.s.Hold()); now != before || w.relay.open() != open {
			w.Fatalf("a refused offer changed %s to %s, %d streams to %d", before, now, open, w.relay.open())
		}
		return
	}
	for rapid.IntRange(0, 9).Draw(w.T, "refused") == 0 {
		again, ok := w.s.Retry(from.Other())
		if !ok {
			break
		}
		out = again
		answerer.lines = 0 // another dialog, with an o= of its own
		answerer.origin = sdp.Origin{}
	}
	if _, open := w.s.Open(); !open {
		offerer.lines = offerer.before
		return
	}
	got := w.checkOffer(from.Other(), out)
	if rapid.IntRange(0, 4).Draw(w.T, "rolled back") == 0 {
		w.s.Rollback()
		offerer.lines = offerer.before
		if now := fmt.Sprint(w.s.Path(), w.s.Hold()); now != before || w.relay.open() != open {
			w.Fatalf("rolled back, but %s is now %s", before, now)
		}
		return
	}
	for range rapid.IntRange(1, 2).Draw(w.T, "answers") {
		answer := answerer.answer(got)
		out, err = w.s.Answer(from.Other(), answer.Bytes())
		if err != nil {
			w.Logf("answer: %v\n%s", err, answer.Bytes())
			w.s.Rollback()
			offerer.lines = offerer.before
			return
		}
		answerer.lines = len(got.Media)
		w.checkAnswer(from, offer, out)
	}
}

func (r *paperRelay) open() int {
	n := 0
	for _, st := range r.opened {
		if !st.closed {
			n++
		}
	}
	return n
}

// checkOffer checks what a side is offered.
func (w *world) checkOffer(to Side, body []byte) *sdp.Description {
	readable(w, body)
	d, err := sdp.Parse(body)
	if err != nil {
		w.Fatalf("we cannot read ourselves: %v\n%s", err, body)
	}
	ph := w.phones[to]
	if len(d.Media) < ph.lines {
		w.Fatalf("side %s knows %d m-lines, and is offered %d:\n%s", to, ph.lines, len(d.Media), body)
	}
	w.checkOrigin(ph, d)
	for _, m := range d.Media {
		if m.Port != 0 && w.parties[to].Security == Enforced && strings.Contains(m.Proto, "/AVP") {
			w.Fatalf("side %s enforces SRTP, and is offered %s:\n%s", to, m.Proto, body)
		}
	}
	w.checkKeys(to, d)
	return d
}

// checkAnswer checks the answer that a side gets to its offer.
func (w *world) checkAnswer(to Side, offer *sdp.Description, body []byte) {
	readable(w, body)
	d, err := sdp.Parse(body)
	if err != nil {
		w.Fatalf("we cannot read ourselves: %v\n%s", err, body)
	}
	w.checkOrigin(w.phones[to], d)
	if len(d.Media) != len(offer.Media) {
		w.Fatalf("%d m-lines offered, %d answered:\n%s\n%s", len(offer.Media), len(d.Media), offer.Bytes(), body)
	}
	for i, m := range d.Media {
		o := offer.Media[i]
		if m.Kind != o.Kind || o.Port == 0 && m.Port != 0 {
			w.Fatalf("m-line %d: %s %d offered, %s %d answered", i+1, o.Kind, o.Port, m.Kind, m.Port)
		}
		if m.Port == 0 {
			continue
		}
		if m.Proto != o.Proto && (!o.Has("pcfg") || !m.Has("acfg")) {
			w.Fatalf("m-line %d: %s offered, %s answered", i+1, o.Proto, m.Proto)
		}
		cryptos := slicesOf(m, "crypto")
		if strings.Contains(m.Proto, "RTP/SAVP") && !strings.HasPrefix(m.Proto, "UDP") && len(cryptos) != 1 {
			w.Fatalf("m-line %d: %s answered with %d crypto:\n%s", i+1, m.Proto, len(cryptos), body)
		}
		if w.parties[to].Security == Enforced && len(cryptos) == 0 && !m.Has("fingerprint") {
			w.Fatalf("side %s enforces SRTP, and is answered without:\n%s", to, body)
		}
		for _, value := range cryptos {
			if !answersOne(value, o) {
				w.Fatalf("m-line %d: a=crypto:%s answers none of\n%s", i+1, value, offer.Bytes())
			}
		}
	}
	w.checkKeys(to, d)
	w.checkRelay(d, to)
}

// answersOne tells that a crypto attribute has tag and suite of an offered one.
func answersOne(value string, o *sdp.Media) bool {
	c, err := sdp.ParseCrypto(value)
	want := fmt.Sprintf("%d %s ", c.Tag, c.Suite)
	offered := slicesOf(o, "crypto")
	for cap := range o.Attrs("acap") {
		_, attr, _ := strings.Cut(cap, "crypto:")
		offered = append(offered, attr)
	}
	return err == nil && slices.ContainsFunc(offered, func(s string) bool { return strings.HasPrefix(s, want) })
}

// checkOrigin: RFC 3264 §8.
func (w *world) checkOrigin(ph *testPhone, d *sdp.Description) {
	o, _ := d.Origin()
	if last := ph.origin; last.Session != "" && (last.User != o.User || last.Session != o.Session ||
		last.Address != o.Address || last.Version > o.Version) {
		w.Fatalf("side %s saw o=%s, and now o=%s", ph.side, last, o)
	}
	ph.origin = o
}

// checkKeys notes whose each key is that a side is given, and that it was nobody
// else's: of another stream, side, session, or the phone across unless media is direct.
func (w *world) checkKeys(to Side, d *sdp.Description) {
	for _, m := range d.Media {
		values := slicesOf(m, "crypto")
		for cap := range m.Attrs("acap") {
			_, attr, _ := strings.Cut(cap, "crypto:")
			values = append(values, attr)
		}
		for _, value := range values {
			c, err := sdp.ParseCrypto(value)
			if err != nil {
				w.Fatalf("we wrote a=crypto:%s: %v", value, err)
			}
			owner := fmt.Sprintf("session %d, to side %s, port %d, %s", w.random, to, m.Port, c.Suite)
			w.note(c.Keys[0].Master, owner)
		}
	}
}

func (w *world) note(key []byte, owner string) {
	name := base64.StdEncoding.EncodeToString(key)
	if was, ok := w.owner[name]; ok && was != owner {
		w.Fatalf("the key of %s is used for %s too", was, owner)
	}
	w.owner[name] = owner
}

// checkRelay: what the relay was told is what the side was written, and each open
// stream is some m-line's.
func (w *world) checkRelay(d *sdp.Description, to Side) {
	used := map[uint16]bool{}
	for _, m := range d.Media {
		if m.Port == 0 || w.s.Path().Kind != Relayed {
			continue
		}
		i := slices.IndexFunc(w.relay.opened, func(st *paperStream) bool { return !st.closed && st.local(to).Port() == m.Port })
		if i < 0 {
			w.Fatalf("side %s is told port %d, which is no open stream's", to, m.Port)
		}
		used[m.Port] = true
		c := w.relay.opened[i].sides[to]
		crypto, has := m.Attr("crypto")
		if has != (c.Protect != nil) || has && !strings.Contains(crypto, base64.StdEncoding.EncodeToString(c.Protect.Master)) {
			w.Fatalf("side %s is told a=crypto:%s, the relay %s", to, crypto, say(c))
		}
		if (c.Unprotect != nil) != (c.Protect != nil) || m.Has("fingerprint") != (c.DTLS != nil) {
			w.Fatalf("half a protection for side %s: %s", to, say(c))
		}
	}
	for _, st := range w.relay.opened {
		if !st.closed && !used[st.local(to).Port()] {
			w.Fatalf("%s is open, and no m-line's", st.name)
		}
	}
}
