package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

func TestSecurity_DigestReplay(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	auth := p.sign("REGISTER", "sip:"+realm)
	s.hand(t, p.write(ask{auth: auth, headers: []string{p.contact()}})).must(t, 200)
	before := s.desk.Lookup("201", time.Now())[0]
	// The same credentials in another request: an attacker's contact.
	r := s.hand(t, p.write(ask{auth: auth, headers: []string{"Contact: <sip:201@10.6.6.6>"}})).must(t, 401)
	if !strings.Contains(strings.ToLower(r.header(message.HWWWAuthenticate)), "stale=true") {
		t.Errorf("challenge %q, want stale=true: never a lock-out", r.header(message.HWWWAuthenticate))
	}
	// And with the numbers of the original but another branch.
	s.hand(t, p.write(ask{auth: auth, cseq: int(before.CSeq), headers: []string{"Contact: <sip:201@10.6.6.6>"}})).must(t, 401)
	if after := s.desk.Lookup("201", time.Now()); len(after) != 1 || after[0].Contact != before.Contact {
		t.Errorf("a replay bound %+v", after)
	}
	if s.value(cReplayed) != 2 {
		t.Errorf("replayed %d", s.value(cReplayed))
	}
}

func TestSecurity_NonceCountMustRise(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	p.nc = 0 // signs with nc=1 again
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 401)
	p.nc = 5
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
}

func TestSecurity_DigestIsBoundToURIMethodAndQop(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	good := func() string { return p.sign("REGISTER", "sip:"+realm) }
	for name, auth := range map[string]string{
		"method":       p.sign("SUBSCRIBE", "sip:"+realm),
		"uri":          strings.Replace(good(), `uri="sip:example.test"`, `uri="sip:127.0.0.11"`, 1),
		"signed uri":   p.sign("REGISTER", "sip:127.0.0.11"),
		"qop left out": strings.Replace(strings.Replace(good(), "qop=auth, ", "", 1), "qop=auth,", "", 1),
		"qop auth-int": strings.Replace(good(), "qop=auth", "qop=auth-int", 1),
		"response":     strings.Replace(good(), `response="`, `response="0`, 1),
	} {
		r := s.hand(t, p.write(ask{auth: auth, headers: []string{p.contact()}}))
		if r == nil || r.Status < 400 || r.Status > 401 {
			t.Errorf("%s changed: %v", name, r)
		}
	}
	if got := s.desk.Lookup("201", time.Now()); len(got) != 0 {
		t.Errorf("bound %+v", got)
	}
}

func TestSecurity_AddressOfRecordIsBoundToTheUser(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	s.hand(t, p.write(ask{to: "<sip:202@example.test>", headers: []string{p.contact()}})).must(t, 403)
	s.hand(t, p.write(ask{from: "202", headers: []string{p.contact()}})).must(t, 403)
	if len(s.desk.Lookup("202", time.Now())) != 0 || len(s.desk.Lookup("201", time.Now())) != 0 {
		t.Error("bound with another's credentials")
	}
}

func TestSecurity_IdentityHeadersAreIgnored(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	identity := []string{
		"P-Asserted-Identity: <sip:202@example.test>", "P-Preferred-Identity: <sip:202@example.test>",
		"Remote-Party-ID: <sip:202@example.test>;screen=yes",
	}
	s.hand(t, p.write(ask{headers: append(identity, p.contact())})).must(t, 200)
	if len(s.desk.Lookup("202", time.Now())) != 0 || len(s.desk.Lookup("201", time.Now())) != 1 {
		t.Error("an identity header changed who registered")
	}
	for _, q := range s.desk.asked {
		if q.Number != "201" {
			t.Errorf("asked about %s", q.Number)
		}
	}
}

func TestSecurity_EveryMethodFromAStranger(t *testing.T) {
	s := newSite(t)
	want := map[string]int{
		"REGISTER": 401, "SUBSCRIBE": 401, "INVITE": 401, "MESSAGE": 401, "REFER": 401, "PUBLISH": 401,
		"BYE": 481, "NOTIFY": 481, "INFO": 481, "UPDATE": 481, "PRACK": 481, "CANCEL": 481,
		"OPTIONS": 200, "FOO": 501,
	}
	for method, status := range want {
		p := newPhone("201")
		s.hand(t, p.write(ask{method: method, uri: "sip:201@example.test", headers: []string{p.contact(), "Event: reg"}})).must(t, status)
	}
	if r := s.hand(t, newPhone("201").write(ask{method: "ACK"})); r != nil {
		t.Errorf("an ACK was answered:\n%s", r.raw)
	}
	if st := s.Standing(); st != (Standing{}) {
		t.Errorf("strangers left something: %+v", st)
	}
}

func TestSecurity_MethodsThatAreNotOfferedToAProvenPhone(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	for method, status := range map[string]int{"MESSAGE": 405, "REFER": 405, "PUBLISH": 405, "INVITE": 501} {
		raw := p.write(ask{method: method, uri: "sip:202@example.test", to: "<sip:202@example.test>", headers: []string{p.contact()}})
		w := s.hand(t, raw)
		if w != nil {
			t.Errorf("%s was answered beside its transaction:\n%s", method, w.raw)
		}
		_ = status
	}
	if s.value(cMethodNotAllowed) != 3 || s.value(cCallsRefused) != 1 {
		t.Errorf("405 %d, calls refused %d", s.value(cMethodNotAllowed), s.value(cCallsRefused))
	}
}

func TestSecurity_UnknownDialogIs481(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	for _, method := range []string{"BYE", "SUBSCRIBE", "NOTIFY", "INVITE", "INFO", "OPTIONS", "MESSAGE", "CANCEL"} {
		s.hand(t, p.write(ask{method: method, to: "<sip:201@example.test>;tag=forged"})).must(t, 481)
	}
	if n := s.value(cUnknownDialog); n != 7 {
		t.Errorf("counted %d", n)
	}
}

func TestSecurity_UnsolicitedResponseIsDropped(t *testing.T) {
	s := newSite(t)
	raw := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bKguess\r\n" +
		"From: <sip:201@example.test>;tag=a\r\nTo: <sip:201@example.test>;tag=b\r\nCall-ID: x\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n"
	if r := s.hand(t, raw); r != nil {
		t.Errorf("answered\n%s", r.raw)
	}
	if s.value(cStrayResponse) != 1 {
		t.Error("not counted")
	}
}

// An unproven source gets at most 1.5 times what it sent.
func TestSecurity_NoAmplificationOverUDP(t *testing.T) {
	s := newSite(t)
	small := func(method string) string {
		return method + " sip:a@example.test SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards:1\r\n" +
			"f:<sip:1@example.test>;tag=1\r\nt:<sip:1@example.test>\r\ni:1\r\nCSeq:1 " + method + "\r\n\r\n"
	}
	for _, method := range []string{"REGISTER", "OPTIONS", "SUBSCRIBE", "INVITE", "BYE", "FOO", "MESSAGE", "CANCEL"} {
		p := newPhone("201")
		for _, raw := range []string{
			small(method), p.write(ask{method: method}), p.write(ask{method: method, headers: []string{p.contact(), "Require: a, b, c, d, e"}}),
		} {
			in := &flow.Inbound{Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Bytes: []byte(raw)}
			s.Handle(in)
			if 2*len(in.Answer) > 3*len(raw) {
				t.Errorf("%s: %d bytes for %d\n%s", method, len(in.Answer), len(raw), in.Answer)
			}
		}
		// A real phone's request is answered in any case.
		if r := s.hand(t, p.write(ask{method: method})); r == nil {
			t.Errorf("%s of a phone was not answered", method)
		}
	}
}

func TestSecurity_UnknownNumberLooksLikeAWrongPassword(t *testing.T) {
	s := newSite(t)
	shape := func(number string) [2]string {
		p := newPhone(number)
		p.callID, p.password = "same", "wrong"
		strip := func(r *reply) string {
			out := strings.NewReplacer("sip:"+number+"@", "sip:N@", "tag=f"+number, "tag=fN").Replace(r.raw)
			for h := range r.Values(message.HWWWAuthenticate) {
				out = strings.ReplaceAll(out, h, fmt.Sprint("challenge ", strings.Count(h, "=")))
			}
			return out
		}
		a := s.hand(t, p.write(ask{branch: "z9hG4bKone", headers: []string{p.contact()}})).must(t, 401)
		p.learn(t, a)
		b := s.hand(t, p.write(ask{branch: "z9hG4bKtwo", headers: []string{p.contact()}})).must(t, 401)
		return [2]string{strip(a), strip(b)}
	}
	known, unknown := shape("201"), shape("999")
	if known != unknown {
		t.Errorf("known:\n%s\nunknown:\n%s", known, unknown)
	}
}

func TestSecurity_BanStopsGuessingAndNotThePhone(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	bad := newPhone("201")
	bad.password = "guess"
	attacker := func(in *flow.Inbound) { in.Remote = netip.AddrPortFrom(there.Addr(), 40000) }
	bad.login(t, s, attacker)
	silent := 0
	for range 30 {
		if s.hand(t, bad.write(ask{headers: []string{bad.contact()}}), attacker) == nil {
			silent++
		}
	}
	if silent != 30-banNumberAt || s.value(cBans) != 1 {
		t.Errorf("%d of 30 guesses dropped, %d bans", silent, s.value(cBans))
	}
	// The right password does not help from there: a guesser learns nothing.
	bad.password = "secret201"
	if r := s.hand(t, bad.write(ask{headers: []string{bad.contact()}}), attacker); r != nil {
		t.Errorf("a banned source was answered %d", r.Status)
	}
	// The phone behind the same address goes on.
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
	// Other numbers from there are not concerned.
	newPhone("202").register(t, s, attacker)
	// Later the password is right and the source is let in.
	later := func(in *flow.Inbound) { attacker(in); in.At = in.At.Add(banShortest + time.Second) }
	s.hand(t, bad.write(ask{headers: []string{bad.contact()}}), later).must(t, 200)
	if strings.Contains(s.log.String(), "guess") || strings.Contains(s.log.String(), "response=") {
		t.Errorf("the log holds secrets:\n%s", s.log)
	}
}

func TestSecurity_BanTableIsBounded(t *testing.T) {
	b, now := newBanTable(), time.Now()
	for i := range 3 * banShards * bansMostShard / 2 {
		b.failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), registrar.Number(fmt.Sprint(i)), now)
	}
	if n := b.size(); n > banShards*bansMostShard {
		t.Errorf("%d entries", n)
	}
	b.sweep(now.Add(time.Hour))
	if n := b.size(); n != 0 {
		t.Errorf("%d entries an hour later", n)
	}
}

func TestSE4_NonceOfAnUnknownKeyIsStaleNotALockOut(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	other := newSite(t, func(o *Options, _ *registrar.Config) {
		o.Verifier = credentials.NewVerifier(credentials.Config{Realm: realm}, credentials.NewKeyRing(credentials.NewKey([20]byte{9})))
	})
	p.login(t, other)
	r := s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 401)
	if !strings.Contains(strings.ToLower(r.header(message.HWWWAuthenticate)), "stale=true") {
		t.Errorf("challenge %q", r.header(message.HWWWAuthenticate))
	}
	p.learn(t, r)
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
}

// A panic costs the message, which is answered 500, and nothing else.
func TestSecurity_PanicCostsOneMessage(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	s.desk.ask = func(*Question) Decision { panic("a fault of ours") }
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 500)
	s.desk.ask = nil
	p.register(t, s)
	if s.value(cPanics) != 1 {
		t.Error("not counted")
	}
}

func TestSecurity_MalformedRequestsGetTheRight4xx(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	good := p.write(ask{headers: []string{p.contact()}})
	for name, c := range map[string]struct {
		old, new string
		status   int
	}{
		"space before the colon is a colon": {"Call-ID: ", "Call-ID : ", 401},
		"control byte in a header":          {"User-Agent: ", "User-Agent: \x01", 400},
		"two From":                          {"To: ", "From: <sip:202@example.test>;tag=x\r\nTo: ", 400},
		"CSeq over 2^31":                    {"CSeq: 1 ", "CSeq: 2147483648 ", 400},
		"CSeq of another method":            {"CSeq: 1 REGISTER", "CSeq: 1 INVITE", 400},
		"length over the datagram":          {"Content-Length: 0", "Content-Length: 5", 400},
		"unknown extension":                 {"Max-Forwards", "Require: sec-agree\r\nMax-Forwards", 420},
		"version":                           {"SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 505},
		"scheme":                            {"REGISTER sip:example.test", "REGISTER http:example.test", 416},
	} {
		raw := strings.Replace(good, c.old, c.new, 1)
		in := &flow.Inbound{Transport: flow.UDP, Local: here, Remote: there, At: time.Now(), Bytes: []byte(raw)}
		s.Handle(in)
		if !strings.HasPrefix(string(in.Answer), fmt.Sprintf("SIP/2.0 %d ", c.status)) {
			t.Errorf("%s: want %d, got\n%s", name, c.status, in.Answer)
		}
	}
}

func TestAccessHookSeesEachRequest(t *testing.T) {
	var seen []Access
	s, p := newSite(t, func(o *Options, _ *registrar.Config) { o.Access = func(a Access) { seen = append(seen, a) } }), newPhone("201")
	p.register(t, s)
	if len(seen) != 2 || seen[0].Status != 401 || seen[1].Status != 200 || seen[1].Number != "201" || seen[1].Method != "REGISTER" {
		t.Errorf("%+v", seen)
	}
}

// The same Authorization at the other system, which shares the nonce key and
// knows from the mirror what the phone used last.
func TestSecurity_DigestReplayAtTheOtherSystem(t *testing.T) {
	key := credentials.NewKey([20]byte{1, 2, 3})
	home := newSite(t)
	ring := credentials.NewKeyRing(credentials.NewKey([20]byte{4, 5, 6}))
	ring.SetPeer("home", 0, key)
	backup := newSite(t, func(o *Options, _ *registrar.Config) {
		o.Verifier = credentials.NewVerifier(credentials.Config{Realm: realm}, ring)
	})
	p := newPhone("201")
	p.login(t, home)
	raw := p.write(ask{headers: []string{p.contact()}})
	home.hand(t, raw).must(t, 200)
	mirrored := home.desk.Lookup("201", time.Now())[0]
	backup.desk.ask = func(*Question) Decision {
		return Decision{Floor: credentials.Used{Nonce: mirrored.Nonce, Count: mirrored.NonceCount}}
	}
	r := backup.hand(t, raw).must(t, 401)
	if !strings.Contains(strings.ToLower(r.header(message.HWWWAuthenticate)), "stale=true") {
		t.Errorf("challenge %q", r.header(message.HWWWAuthenticate))
	}
	if len(backup.desk.Lookup("201", time.Now())) != 0 {
		t.Error("a replay at the backup bound a contact")
	}
	// SE4: the phone itself, with its next count, needs no new challenge.
	backup.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
}

// Wrong passwords from many (spoofed) sources: bounded, and phones are served.
func TestSecurity_FloodOfWrongPasswords(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	bad := newPhone("202")
	bad.password = "guess"
	bad.login(t, s)
	for i := range 5_000 {
		bad.nc = 0
		in := &flow.Inbound{
			Transport: flow.UDP, Local: here, At: time.Now(), Bytes: []byte(bad.write(ask{headers: []string{bad.contact()}})),
			Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 5060),
		}
		s.Handle(in)
	}
	if st := s.Standing(); st.BanEntries > banShards*bansMostShard || st.Transactions != 0 {
		t.Errorf("%+v", st)
	}
	if lines := strings.Count(s.log.String(), "\n"); lines > 20 {
		t.Errorf("%d log lines", lines)
	}
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
}

// Phones that register, subscribe and leave at the same time, on many flows.
func TestConcurrentPhones(t *testing.T) {
	s := newSite(t)
	for i := range 40 {
		n := fmt.Sprint(300 + i)
		s.desk.secrets[n] = credentials.FromPassword(n, realm, "secret"+n)
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			p := newPhone(fmt.Sprint(300 + i))
			p.via = fmt.Sprintf("127.0.2.%d:5070", i+1)
			from := func(in *flow.Inbound) {
				in.Remote, in.Flow = netip.MustParseAddrPort(p.via), flow.ID(1000+i)
			}
			for range 20 {
				p.register(t, s, from)
				s.hand(t, p.write(ask{method: "SUBSCRIBE", uri: "sip:" + p.number + "@" + realm, headers: []string{"Event: reg", p.contact()}}), from)
				s.Changed(registrar.Change{Kind: registrar.Added, Registration: registrar.Registration{Number: registrar.Number(p.number)}})
				s.hand(t, p.write(ask{headers: []string{"Contact: *", "Expires: 0"}}), from).must(t, 200)
			}
		})
	}
	group.Wait()
	if s.value(cRegistered) != 800 || s.value(cPanics) != 0 {
		t.Errorf("registered %d, panics %d\n%s", s.value(cRegistered), s.value(cPanics), s.log)
	}
}
