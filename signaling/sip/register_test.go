package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

func TestRFC3261_10_2_RegisterIsChallengedThenBound(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	r := p.register(t, s)
	contacts := r.all(message.HContact)
	if len(contacts) != 1 || contacts[0] != "<sip:201@127.0.1.1:5070>;expires=300" {
		t.Errorf("contacts %q", contacts)
	}
	if r.header(message.HDate) == "" {
		t.Error("no Date (10.3 step 8)")
	}
	got := s.desk.Lookup("201", time.Now())
	if len(got) != 1 || got[0].Source != there || got[0].Flow != 77 || got[0].UserAgent == "" || got[0].NonceCount != 1 {
		t.Errorf("binding %+v", got)
	}
}

func TestRFC3261_10_2_1_1_ContactParameterBeforeExpiresHeader(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	r := s.hand(t, p.write(ask{headers: []string{p.contact(";expires=90"), "Expires: 600"}})).must(t, 200)
	// The registrar spreads leases; it grants no more than the parameter asked.
	_, text, _ := strings.Cut(r.header(message.HContact), ";expires=")
	if n, err := strconv.Atoi(text); err != nil || n < 60 || n > 90 {
		t.Errorf("granted %q, asked 90", text)
	}
}

func TestRFC3261_10_2_2_StarRemovesAllAndOnlyWithExpires0(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	for _, bad := range [][]string{
		{"Contact: *"},
		{"Contact: *", "Expires: 60"},
		{"Contact: *", p.contact(), "Expires: 0"},
		{p.contact() + ", *", "Expires: 0"},
	} {
		s.hand(t, p.write(ask{headers: bad})).must(t, 400)
	}
	r := s.hand(t, p.write(ask{headers: []string{"Contact: *", "Expires: 0"}})).must(t, 200)
	if got := r.all(message.HContact); len(got) != 0 {
		t.Errorf("contacts after * : %q", got)
	}
	if got := s.desk.Lookup("201", time.Now()); len(got) != 0 {
		t.Errorf("bindings after *: %+v", got)
	}
}

func TestRFC3261_10_2_2_UnregisterRemovesTheBinding(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	s.hand(t, p.write(ask{headers: []string{p.contact(";expires=0")}})).must(t, 200)
	if got := s.desk.Lookup("201", time.Now()); len(got) != 0 {
		t.Errorf("bindings: %+v", got)
	}
	if s.value(cUnregistered) != 1 {
		t.Error("not counted")
	}
}

func TestRFC3261_10_2_3_QueryListsWithoutChange(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	before := s.desk.Lookup("201", time.Now())
	r := s.hand(t, p.write(ask{})).must(t, 200)
	if got := r.all(message.HContact); len(got) != 1 || !strings.HasPrefix(got[0], "<sip:201@127.0.1.1:5070>;expires=") {
		t.Errorf("contacts %q", got)
	}
	if after := s.desk.Lookup("201", time.Now()); !slices.Equal(before, after) {
		t.Errorf("changed: %+v → %+v", before, after)
	}
}

func TestRFC3261_10_3_ForeignDomainIs404(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	s.hand(t, p.write(ask{uri: "sip:elsewhere.test"})).must(t, 404)
	s.hand(t, p.write(ask{to: "<sip:201@elsewhere.test>"})).must(t, 404)
	s.hand(t, p.write(ask{uri: "sip:127.0.0.11", to: "<sip:201@127.0.0.11>", headers: []string{p.contact()}})).must(t, 401)
	if s.value(cForeignDomain) != 2 {
		t.Error("not counted")
	}
}

func TestRFC3261_10_3_TooBriefIs423WithMinExpires(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	r := s.hand(t, p.write(ask{headers: []string{p.contact(), "Expires: 10"}})).must(t, 423)
	if r.header(message.HMinExpires) != "60" {
		t.Errorf("Min-Expires %q", r.header(message.HMinExpires))
	}
}

func TestRFC3261_10_3_CSeqOutOfOrderIsRefused(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	p.cseq += 5
	s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
	s.hand(t, p.write(ask{cseq: 3, headers: []string{p.contact()}})).must(t, 500)
	if s.value(cOutOfOrder) != 1 {
		t.Error("not counted")
	}
}

// A REGISTER has no transaction; its retransmission is told by Call-ID, CSeq
// and branch, and gets the same answer.
func TestRFC3261_17_2_2_RetransmittedRegisterGetsTheSame200(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	raw := p.write(ask{headers: []string{p.contact()}})
	first := s.hand(t, raw).must(t, 200)
	again := s.hand(t, raw).must(t, 200)
	if first.raw != again.raw {
		t.Errorf("first\n%s\nagain\n%s", first.raw, again.raw)
	}
	if n := s.Standing().Transactions; n != 0 {
		t.Errorf("%d transactions are kept", n)
	}
}

func TestRFC3261_8_2_7_StatelessChallengeIsRepeatable(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	raw := p.write(ask{headers: []string{p.contact()}})
	a, b := s.hand(t, raw).must(t, 401), s.hand(t, raw).must(t, 401)
	if a.To.Tag() == "" || a.To.Tag() != b.To.Tag() {
		t.Errorf("To tags %q and %q", a.To.Tag(), b.To.Tag())
	}
	if c := s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 401); c.To.Tag() == a.To.Tag() {
		t.Error("another request has the same To tag")
	}
}

func TestRFC3581_4_ReceivedAndRport(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.via = "10.1.2.3:5060"
	r := s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 401)
	if v := r.header(message.HVia); !strings.Contains(v, ";received=127.0.1.1") || !strings.Contains(v, ";rport=5070") {
		t.Errorf("Via %q", v)
	}
	if r.in.AnswerTo != there {
		t.Errorf("answered to %s, want the source %s", r.in.AnswerTo, there)
	}
	raw := strings.Replace(p.write(ask{headers: []string{p.contact()}}), ";rport", "", 1)
	if r := s.hand(t, raw).must(t, 401); r.in.AnswerTo != netip.MustParseAddrPort("127.0.1.1:5060") {
		t.Errorf("without rport answered to %s, want the port of sent-by (RFC 3261 18.2.2)", r.in.AnswerTo)
	}
}

func TestRFC8760_2_3_ChallengesSHA256BeforeMD5(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	r := s.hand(t, p.write(ask{headers: []string{p.contact(), "Expires: 600", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, INFO, MESSAGE"}})).must(t, 401)
	var got []string
	for h := range r.Values(message.HWWWAuthenticate) {
		got = append(got, h)
	}
	if len(got) != 2 || !strings.Contains(got[0], "SHA-256") || !strings.Contains(got[1], "MD5") {
		t.Fatalf("challenges %q", got)
	}
	for _, h := range got {
		if !strings.Contains(h, `qop="auth"`) || !strings.Contains(h, `realm="example.test"`) {
			t.Errorf("challenge %q", h)
		}
	}
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		p.learn(t, r, algorithm)
		s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 200)
	}
}

// TestRFC8760_2_4_APhoneThatFailsOnAnUnknownAlgorithmGetsOne: the phones that pass
// over a challenge they do not know are not all, and the others would be locked out.
func TestRFC8760_2_4_APhoneThatFailsOnAnUnknownAlgorithmGetsOne(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	s.desk.ask = func(*Question) Decision { return Decision{OneChallenge: true} }
	long := "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, INFO, MESSAGE"
	r := s.hand(t, p.write(ask{headers: []string{p.contact(), "Expires: 600", long}})).must(t, 401)
	if got := slices.Collect(r.Values(message.HWWWAuthenticate)); len(got) != 1 || !strings.Contains(got[0], "MD5") {
		t.Fatalf("challenges %q, want MD5 only", got)
	}
}

func TestRFC8760_2_4_AStaleNonceIsRenewedForTheAlgorithmThatThePhoneUsed(t *testing.T) {
	s, other, p := newSite(t), newSite(t, func(o *Options, _ *registrar.Config) {
		o.Verifier = credentials.NewVerifier(credentials.Config{Realm: realm}, credentials.NewKeyRing(credentials.NewKey([20]byte{9})))
	}), newPhone("201")
	long := "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, INFO, MESSAGE"
	p.learn(t, other.hand(t, p.write(ask{headers: []string{p.contact(), long}})).must(t, 401), "MD5")
	r := s.hand(t, p.write(ask{headers: []string{p.contact(), long}})).must(t, 401)
	got := slices.Collect(r.Values(message.HWWWAuthenticate))
	if len(got) != 1 || !strings.Contains(got[0], "MD5") || !strings.Contains(got[0], "stale=true") {
		t.Fatalf("challenges %q, want MD5 only, stale", got)
	}
}

func TestSIPpIsKnownByItsBranches(t *testing.T) {
	for branch, want := range map[string]bool{
		"z9hG4bK-4711-1-0": true, "z9hG4bK-4711-1000-12": true,
		"z9hG4bK-4711-1": false, "z9hG4bK4711-1-0": false, "z9hG4bK-47a1-1-0": false, "z9hG4bK--1-0": false, "z9hG4bK-1-2-3-4": false,
	} {
		if got := sippBranch(branch); got != want {
			t.Errorf("%s: %v, want %v", branch, got, want)
		}
	}
}

func TestRFC5626_6_OutboundRegistration(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	ob := p.contact(`;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1`)
	r := s.hand(t, p.write(ask{headers: []string{ob, "Supported: outbound, path"}})).must(t, 200)
	if r.header(message.HRequire) != "outbound" || r.header(message.HFlowTimer) != "120" {
		t.Errorf("Require %q, Flow-Timer %q", r.header(message.HRequire), r.header(message.HFlowTimer))
	}
	if c := r.header(message.HContact); !strings.Contains(c, ";reg-id=1") ||
		!strings.Contains(c, `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`) {
		t.Errorf("contact %q", c)
	}
	// Without the option tag reg-id means nothing.
	r = s.hand(t, p.write(ask{headers: []string{ob}})).must(t, 200)
	if r.Has(message.HRequire) || strings.Contains(r.header(message.HContact), "reg-id") {
		t.Errorf("outbound without the option tag:\n%s", r.raw)
	}
	// Two contacts to be bound, one with reg-id.
	s.hand(t, p.write(ask{headers: []string{ob, "Contact: <sip:201@10.0.0.9>", "Supported: outbound"}})).must(t, 400)
	// A proxy in between that does not keep the flow.
	raw := p.write(ask{headers: []string{ob, "Supported: outbound"}})
	raw = strings.Replace(raw, "Max-Forwards", "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKinner\r\nMax-Forwards", 1)
	s.hand(t, raw).must(t, 439)
}

func TestRFC3327_5_3_PathOnlyFromTrustedProxies(t *testing.T) {
	s, p := newSite(t, func(o *Options, _ *registrar.Config) {
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.9.0/24")}
	}), newPhone("201")
	path := "Path: <sip:edge.example.test;lr>"
	p.login(t, s)
	r := s.hand(t, p.write(ask{headers: []string{p.contact(), path, "Supported: path"}})).must(t, 200)
	if r.Has(message.HPath) || s.desk.Lookup("201", time.Now())[0].Path != "" || s.value(cPathIgnored) != 1 {
		t.Errorf("a phone's Path was taken:\n%s", r.raw)
	}
	r = s.hand(t, p.write(ask{headers: []string{p.contact(), path, "Supported: path"}}), func(in *flow.Inbound) {
		in.Remote = netip.MustParseAddrPort("127.0.9.1:5060")
	}).must(t, 200)
	if r.header(message.HPath) != "<sip:edge.example.test;lr>" || s.desk.Lookup("201", time.Now())[0].Path == "" {
		t.Errorf("a proxy's Path was not taken:\n%s", r.raw)
	}
}

func TestRFC5393_ContactsThatLoopOrFork(t *testing.T) {
	s, p := newSite(t, func(o *Options, _ *registrar.Config) {
		o.Address = netip.MustParseAddr("127.0.0.11")
	}), newPhone("201")
	s.ports[5060] = true
	p.login(t, s)
	for _, c := range []string{
		"Contact: <sip:201@127.0.0.11>", "Contact: <sip:201@127.0.0.11:5060;transport=udp>", "Contact: <sip:201@example.test>",
	} {
		r := s.hand(t, p.write(ask{headers: []string{c}})).must(t, 400)
		if r.Reason != "Contact Points At The Registrar" {
			t.Errorf("%s: %s", c, r.Reason)
		}
	}
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("<sip:201@10.0.0.%d>", i+1))
	}
	s.hand(t, p.write(ask{headers: []string{"Contact: " + strings.Join(many, ", ")}})).must(t, 403)
	if got := s.desk.Lookup("201", time.Now()); len(got) != 0 {
		t.Errorf("bound %+v", got)
	}
}

func TestContactHeaderFieldsAreLeftOut(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	s.hand(t, p.write(ask{headers: []string{"Contact: <sip:201@10.0.0.5;transport=udp?Route=%3Csip:evil.test%3E&Subject=x>"}})).must(t, 200)
	if got := s.desk.Lookup("201", time.Now()); len(got) != 1 || got[0].Contact != "sip:201@10.0.0.5;transport=udp" {
		t.Errorf("bound %+v", got)
	}
}

func TestFO1_RefusalsPerProfile(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	try := func(d Decision, edit ...func(*flow.Inbound)) *reply {
		s.desk.ask = func(*Question) Decision { return d }
		return s.hand(t, p.write(ask{headers: []string{p.contact()}}), edit...)
	}
	r := try(Decision{Verdict: Refuse}).must(t, 503)
	if r.Has(message.HRetryAfter) {
		t.Error("503 with Retry-After parks some phones")
	}
	if r := try(Decision{Verdict: Refuse, Phrase: "Please failover"}).must(t, 503); r.Reason != "Please failover" {
		t.Errorf("phrase %q", r.Reason)
	}
	if r := try(Decision{Verdict: Silent}); r != nil {
		t.Errorf("answered %s", r.raw)
	}
	r = try(Decision{Verdict: Redirect, Home: "sip:201@127.0.0.12:5060"}).must(t, 302)
	if r.header(message.HContact) != "<sip:201@127.0.0.12:5060>" {
		t.Errorf("redirected to %q", r.header(message.HContact))
	}
	if r := try(Decision{Verdict: Refuse, RetryAfter: 1500 * time.Millisecond}).must(t, 503); r.header(message.HRetryAfter) != "2" {
		t.Errorf("Retry-After %q", r.header(message.HRetryAfter))
	}
	for _, status := range []int{401, 403, 404} {
		try(Decision{Verdict: Refuse, Status: status}).must(t, 503)
	}
	if s.value(cRefusalCorrected) != 3 {
		t.Error("corrections are not counted")
	}
	for _, transport := range []flow.Transport{flow.UDP, flow.TCP} {
		r := try(Decision{Verdict: Refuse, CloseFlow: true}, func(in *flow.Inbound) { in.Transport = transport }).must(t, 503)
		if r.in.Close != (transport == flow.TCP) {
			t.Errorf("%s: close %v", transport, r.in.Close)
		}
	}
	if len(s.desk.Lookup("201", time.Now())) != 0 {
		t.Error("bound all the same")
	}
}

// The refusal can also be the answer of the admission, once the credentials are
// proven.
func TestFO1_RefusedByTheAdmission(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.login(t, s)
	s.desk.admit = func(*Registering) Decision { return Decision{Verdict: Refuse} }
	r := s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 503)
	if r.Has(message.HContact) || r.Has(message.HRetryAfter) {
		t.Error(r.raw)
	}
}

func TestFO9_CiscoKeepAliveChangesNothing(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.register(t, s)
	before := s.desk.Lookup("201", time.Now())
	r := s.hand(t, p.write(ask{auth: "-", headers: []string{p.contact(";expires=0;cisco-keep-alive")}})).must(t, 200)
	if r.header(message.HDate) == "" {
		t.Error("no Date")
	}
	if after := s.desk.Lookup("201", time.Now()); !slices.Equal(before, after) {
		t.Errorf("changed: %+v → %+v", before, after)
	}
	if last := s.desk.asked[len(s.desk.asked)-1]; last.Kind != KindKeepAlive {
		t.Errorf("asked as %v", last.Kind)
	}
	// A contact that is bound beside it makes it a REGISTER like any other.
	s.hand(t, p.write(ask{auth: "-", headers: []string{p.contact(";expires=0;cisco-keep-alive"), "Contact: <sip:201@10.0.0.7>"}})).must(t, 401)
}

func TestUS4_NoLicenceLeftIsSaidClearly(t *testing.T) {
	s := newSite(t, func(_ *Options, c *registrar.Config) { c.Licences = 1 })
	newPhone("201").register(t, s)
	p := newPhone("202")
	p.login(t, s)
	r := s.hand(t, p.write(ask{headers: []string{p.contact()}})).must(t, 403)
	if r.Reason != "No Licence Left" || !strings.HasPrefix(r.header(message.HWarning), `399 example.test "`) {
		t.Error(r.raw)
	}
}

func TestGU1_GuestLeaseComesFromTheOffice(t *testing.T) {
	s := newSite(t)
	s.desk.guest = true
	r := newPhone("201").register(t, s)
	_, text, _ := strings.Cut(r.header(message.HContact), ";expires=")
	if n, err := strconv.Atoi(text); err != nil || n < 60 || n > 120 {
		t.Errorf("granted %q, want 60 to 120", text)
	}
}

func TestRFC3261_10_2_1_SeveralContacts(t *testing.T) {
	s := newSite(t, func(_ *Options, c *registrar.Config) { c.MaxContacts, c.RefuseWhenFull = 2, true })
	p := newPhone("201")
	p.login(t, s)
	r := s.hand(t, p.write(ask{headers: []string{
		`Contact: "Desk, upstairs" <sip:201@10.0.0.5>;q=0.7, <sip:201@10.0.0.6;transport=tcp>;expires=120`, "Expires: 600",
	}})).must(t, 200)
	got := r.all(message.HContact)
	if len(got) != 2 || !strings.HasPrefix(got[0], "<sip:201@10.0.0.5>;expires=") || !strings.HasSuffix(got[0], ";q=0.700") ||
		!strings.HasPrefix(got[1], "<sip:201@10.0.0.6;transport=tcp>;expires=") {
		t.Errorf("contacts %q", got)
	}
	s.hand(t, p.write(ask{headers: []string{"Contact: <sip:201@10.0.0.7>"}})).must(t, 403)
	// One goes, the other stays.
	s.hand(t, p.write(ask{headers: []string{"Contact: <sip:201@10.0.0.5>;expires=0"}})).must(t, 200)
	if left := s.desk.Lookup("201", time.Now()); len(left) != 1 || left[0].Contact != "sip:201@10.0.0.6;transport=tcp" {
		t.Errorf("left %+v", left)
	}
}

// A phone behind a NAT is found where it came from, not where it says it is.
func TestRFC3261_10_3_SourceIsKeptForNAT(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	p.via = "192.168.1.20:5060"
	nat := netip.MustParseAddrPort("198.51.100.7:31337")
	p.register(t, s, func(in *flow.Inbound) { in.Remote = nat })
	if got := s.desk.Lookup("201", time.Now()); len(got) != 1 || got[0].Source != nat || got[0].Contact != "sip:201@192.168.1.20:5060" {
		t.Errorf("%+v", got)
	}
}

func TestRFC3261_11_2_OptionsTellsWhatIsOffered(t *testing.T) {
	s, p := newSite(t), newPhone("201")
	long := p.write(ask{method: "OPTIONS", auth: "-", headers: []string{"Accept: application/sdp", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"}})
	r := s.hand(t, long).must(t, 200)
	if r.header(message.HAllow) != offered || r.header(message.HAccept) == "" || r.header(message.HSupported) == "" || r.To.Tag() == "" {
		t.Error(r.raw)
	}
	if st := s.Standing(); st.Transactions != 0 {
		t.Errorf("%+v", st)
	}
}
