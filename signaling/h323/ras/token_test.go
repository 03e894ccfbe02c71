package ras

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// gkH is the gatekeeper of the captures: it knows 2001, whose password is "secret".
func gkH(t *testing.T) *rig {
	r := newRig(t, func(c *Config) { c.Identifier, c.Open = "gkH", nil })
	r.desk.secrets["2001"] = Secret{Password: "secret"}
	return r
}

// at sets the clock to the time of a capture's token.
func (r *rig) at(unix int64) { r.now = time.Unix(unix, 0) }

func TestH235_1_ACapturedRegistrationIsRightAndIsAnsweredSigned(t *testing.T) {
	r := gkH(t)
	all := captured(t, "ras.txt")
	r.at(1_795_356_576)
	wants(t, r.raw(all["h235-1-sha1-ok#1"], phone)[0], `"gatekeeperConfirm"`, `"algorithmOID":"0.0.8.235.0.2.6"`)
	got := r.raw(all["h235-1-sha1-ok#3"], phone)[0]
	wants(t, got, `"registrationConfirm"`, `"generalID":"`+got.RegistrationConfirm.EndpointIdentifier.String()+`"`, `"sendersID":"gkH"`)
	e, _ := r.g.Endpoint("2001")
	if e.Security != HMAC || e.Used != (Used{1_795_356_576, 605139407}) {
		t.Errorf("%+v", e)
	}
	// The endpoint's check of our answer: the same HMAC over what was sent, hash zeroed.
	data := bytes.Clone(r.sent[len(r.sent)-1])
	m, err := h225.DecodeRAS(data)
	if err != nil {
		t.Fatal(err)
	}
	secret := Secret{Password: "secret"}
	if token := hashed(&m.RegistrationConfirm.CryptoTokens[0]); token == nil || !hmacRight(token, data, &secret) {
		t.Error("the answer's token is not right")
	}
	data[len(data)-1] ^= 1
	if hmacRight(hashed(&m.RegistrationConfirm.CryptoTokens[0]), data, &secret) {
		t.Error("the token does not depend on the message")
	}
}

func TestH235_1_TheCapturedAnswerOfAnotherGatekeeperIsRight(t *testing.T) {
	data := captured(t, "ras.txt")["h235-1-sha1-ok#4"]
	m, err := h225.DecodeRAS(data)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"secret": true, "wrong": false} {
		if got := hmacRight(hashed(&m.RegistrationConfirm.CryptoTokens[0]), data, &Secret{Password: password}); got != want {
			t.Errorf("%s: %v", password, got)
		}
	}
}

func TestH235_BadOrMissingTokensAreSecurityDenial(t *testing.T) {
	all := captured(t, "ras.txt")
	for _, name := range []string{"h235-1-sha1-bad-password#3", "h235-md5-bad-password#3", "h235-no-credentials#3"} {
		r := gkH(t)
		m, err := h225.DecodeRAS(all[name])
		if err != nil {
			t.Fatal(err)
		}
		at := int64(1_795_356_576)
		if len(m.RegistrationRequest.CryptoTokens) > 0 {
			if p := m.RegistrationRequest.CryptoTokens[0].CryptoEPPwdHash; p != nil {
				at = int64(p.TimeStamp)
			} else {
				at = int64(m.RegistrationRequest.CryptoTokens[0].NestedcryptoToken.CryptoHashedToken.HashedVals.TimeStamp.V)
			}
		}
		r.at(at)
		wants(t, r.raw(all[name], phone)[0], `"registrationReject"`, `"securityDenial"`)
		if c := r.g.Counters(); r.g.Len() != 0 || c.TokenWrong+c.TokenMissing != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestH235_MD5_ACapturedRegistrationIsRight(t *testing.T) {
	r := gkH(t)
	r.at(1_795_356_532)
	all := captured(t, "ras.txt")
	got := r.raw(all["h235-md5-ok#3"], phone)[0]
	wants(t, got, `"registrationConfirm"`)
	if got.RegistrationConfirm.CryptoTokens != nil {
		t.Error("an MD5 endpoint cannot check a signed answer")
	}
	r.desk.secrets["2001"] = Secret{Password: "other"}
	r.g.Drop("2001", r.now)
	again := bytes.Clone(all["h235-md5-ok#3"])
	again[3]++ // another sequence number
	wants(t, r.raw(again, phone)[0], `"securityDenial"`)
}

func TestH235_ReplayedTokensAreRefused(t *testing.T) {
	all := captured(t, "ras.txt")
	for _, c := range []struct {
		name string
		at   int64
	}{{"h235-1-sha1-ok#3", 1_795_356_576}, {"h235-md5-ok#3", 1_795_356_532}} {
		r := gkH(t)
		r.at(c.at)
		wants(t, r.raw(all[c.name], phone)[0], `"registrationConfirm"`)
		wants(t, r.raw(all[c.name], other)[0], `"securityDenial"`)
		if e, _ := r.g.Endpoint("2001"); r.g.Counters().TokenReplayed != 1 || e.Source != phone {
			t.Errorf("%s: %+v, at %s", c.name, r.g.Counters(), e.Source)
		}
	}
}

func TestH235_TheTimeWindow(t *testing.T) {
	all := captured(t, "ras.txt")
	for off, want := range map[int64]string{
		0: "registrationConfirm", 599: "registrationConfirm", -599: "registrationConfirm", 601: "securityDenial", -601: "securityDenial",
	} {
		r := gkH(t)
		r.at(1_795_356_576 + off)
		wants(t, r.raw(all["h235-1-sha1-ok#3"], phone)[0], want)
		if want == "securityDenial" && r.g.Counters().TokenTime != 1 {
			t.Errorf("%d s: %+v", off, r.g.Counters())
		}
	}
}

func TestH235_ATokenForAnotherGatekeeperOrOfAnotherSender(t *testing.T) {
	all := captured(t, "ras.txt")
	r := newRig(t, func(c *Config) { c.Open, c.Peers = nil, nil })
	r.desk.secrets["2001"] = Secret{Password: "secret"}
	r.at(1_795_356_576)
	data := all["h235-1-sha1-ok#3"]
	wants(t, r.raw(data, phone)[0], "discoveryRequired") // it names gkH, and so does its token
	m, err := h225.DecodeRAS(bytes.Clone(data))
	if err != nil {
		t.Fatal(err)
	}
	token := m.RegistrationRequest.CryptoTokens
	m.RegistrationRequest.GatekeeperIdentifier = nil
	wants(t, r.ask(m, phone), "securityDenial")
	if r.g.Counters().TokenNotOurs != 1 {
		t.Errorf("%+v", r.g.Counters())
	}
	// The token of 2001 in a registration of 2002, who has a secret of its own.
	h := gkH(t)
	h.desk.secrets["2002"] = Secret{Password: "secret"}
	stolen := h.rrq(phone, "2002")
	stolen.RegistrationRequest.CryptoTokens = token
	wants(t, h.ask(stolen, phone), "securityDenial")
	if h.g.Counters().TokenNotOurs != 1 {
		t.Errorf("%+v", h.g.Counters())
	}
}

func TestH235_WhatTheHomeHasSeenIsAReplayHere(t *testing.T) {
	r := gkH(t)
	r.at(1_795_356_576)
	data := captured(t, "ras.txt")["h235-1-sha1-ok#3"]
	r.desk.secrets["2001"] = Secret{Password: "secret", Used: Used{1_795_356_576, 605139407}}
	wants(t, r.raw(data, phone)[0], "securityDenial")
	if r.g.Counters().TokenReplayed != 1 {
		t.Errorf("%+v", r.g.Counters())
	}
}

// signed puts a right H.235.1 token into a request and gives its octets.
func signed(t testing.TB, r *rig, m *h225.RasMessage, tokens *[]h225.CryptoH323Token, sender, password string, random uint32) []byte {
	t.Helper()
	mark := [12]byte{0xa5, 0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	*tokens = []h225.CryptoH323Token{{Choice: h225.CryptoH323TokenNestedcryptoToken, NestedcryptoToken: h225.CryptoToken{
		Choice: h225.CryptoTokenCryptoHashedToken,
		CryptoHashedToken: &h225.CryptoTokenCryptoHashedTokenValue{
			TokenOID: oidBaseline, HashedVals: h225.ClearToken{
				TokenOID: oidClear, TimeStamp: per.Some(uint32(r.now.Unix())), Random: per.Some(int64(random)),
				GeneralID: r.g.ids[0], SendersID: bmp(sender),
			},
			Token: h225.Hashed{AlgorithmOID: oidHMAC, Hash: per.BitString{Octets: mark[:], Len: 96}},
		},
	}}}
	data := encode(t, m)
	if !seal(data, mark, keyOf(password)) {
		t.Fatal("not sealed")
	}
	return data
}

func TestH235_ProvenEndpointsAreTakenOverOnlyByProof(t *testing.T) {
	r := newRig(t) // 192.0.2.0/24 may register without a token
	r.desk.secrets["2001"] = Secret{Password: "secret"}
	m := r.rrq(phone, "2001")
	wants(t, r.raw(signed(t, r, m, &m.RegistrationRequest.CryptoTokens, "2001", "secret", 1), phone)[0], "registrationConfirm")
	wants(t, r.ask(r.rrq(phone, "2001"), phone), "duplicateAlias") // same device by its address, but without a proof
	wants(t, r.ask(r.rrq(other, "2001"), other), "duplicateAlias")
	e, _ := r.g.Endpoint("2001")
	wants(t, r.ask(r.keepAlive(e.ID), phone), "securityDenial")
	wants(t, r.ask(r.urqFor(e.ID), phone), "securityDenial")
	m = r.rrq(other, "2001")
	wants(t, r.raw(signed(t, r, m, &m.RegistrationRequest.CryptoTokens, "2001", "secret", 2), other)[0], "registrationConfirm")
	if now, _ := r.g.Endpoint("2001"); now.Source != other || now.ID == e.ID || r.g.Len() != 1 {
		t.Errorf("%+v", now)
	}
}

func TestH235_1_KeepAliveUnregistrationAndOurRequestsAreSigned(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Open = nil })
	r.desk.secrets["2001"] = Secret{Password: "secret"}
	m := r.rrq(phone, "2001")
	r.raw(signed(t, r, m, &m.RegistrationRequest.CryptoTokens, "2001", "secret", 1), phone)
	e, _ := r.g.Endpoint("2001")
	moved := netip.MustParseAddrPort("203.0.113.7:4000")
	ka := r.keepAlive(e.ID)
	wants(t, r.raw(signed(t, r, ka, &ka.RegistrationRequest.CryptoTokens, e.ID, "secret", 2), moved)[0],
		"registrationConfirm", "cryptoHashedToken")
	if now, _ := r.g.Endpoint("2001"); now.Source != moved {
		t.Errorf("it moved, but is at %s", now.Source)
	}
	r.out.Reset()
	if !r.g.Unregister("2001", []Alternate{{Address: homeAddr}}, r.now, &r.out) {
		t.Fatal("not registered")
	}
	urq := r.answers()[0]
	data := r.sent[len(r.sent)-1]
	if again, _ := h225.DecodeRAS(data); !hmacRight(hashed(&again.UnregistrationRequest.CryptoTokens[0]), data, &Secret{Password: "secret"}) {
		t.Errorf("our URQ is not signed: %s", show(urq))
	}
	m = r.urqFor(e.ID)
	wants(t, r.raw(signed(t, r, m, &m.UnregistrationRequest.CryptoTokens, e.ID, "secret", 3), moved)[0], "unregistrationConfirm", "cryptoHashedToken")
}

func TestH235_AClockThatIsPutBackALittleIsNoReplay(t *testing.T) {
	var p proofs
	for i := range uint32(10) {
		if !p.fresh(Used{1000 + i, i}, false) {
			t.Fatalf("token %d", i)
		}
	}
	if !p.fresh(Used{990, 77}, false) || p.fresh(Used{990, 77}, false) {
		t.Error("a clock put back by 20 s")
	}
	for i := range uint32(40) {
		p.fresh(Used{2000 + i, i}, false)
	}
	if p.fresh(Used{1005, 5}, false) || p.fresh(Used{990, 77}, false) {
		t.Error("an old token passes once it is forgotten")
	}
}
