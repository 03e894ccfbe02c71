package credentials

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

func TestRFC8760_ChallengesAndAnswers(t *testing.T) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	if a := v.Algorithms(); len(a) != 2 || a[0] != SHA256 || a[1] != MD5 {
		t.Fatalf("the stronger algorithm comes first: %v", a)
	}
	for _, a := range v.Algorithms() {
		c := challenge(v, a, start)
		parsed, err := digest.ParseChallenge(c)
		if err != nil || parsed.Realm != realm || parsed.Algorithm != a.String() || !parsed.SupportsQOP("auth") || parsed.Stale {
			t.Fatalf("%q: %+v %v", c, parsed, err)
		}
		got := want(t, v, request(answer(t, c, 1, nil)), start.Add(time.Second), Accepted)
		if got.User != "201" || got.Algorithm != a || got.Used.Count != 1 || got.Used.Nonce == 0 {
			t.Errorf("%+v", got)
		}
		want(t, v, request(answer(t, c, 2, nil)), start.Add(2*time.Second), Accepted)
	}
	if c := string(v.AppendChallenge(nil, MD5, true, start)); !strings.HasSuffix(c, ", stale=true") {
		t.Errorf("%q", c)
	}
	only := NewVerifier(Config{Realm: realm, Algorithms: []Algorithm{SHA256}}, NewKeyRing(key(1)))
	want(t, only, request(answer(t, challenge(v, MD5, start), 1, nil)), start, Missing)
}

// The examples of RFC 7616 section 3.9.1.
func TestRFC7616_3_9_1_Responses(t *testing.T) {
	s := FromPassword("Mufasa", "http-auth@example.org", "Circle of Life")
	a := Answer{Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", NC: "00000001", QOP: "auth",
		CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", URI: "/dir/index.html"}
	for alg, response := range map[Algorithm]string{
		MD5:    "8ca523f5e9506fed4657c9700eebdbec",
		SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		a.Response = response
		if !rightResponse(&a, &s, alg, "GET") {
			t.Errorf("%s: the RFC's response is refused", alg)
		}
		a.Response = "0" + response[1:]
		if rightResponse(&a, &s, alg, "GET") {
			t.Errorf("%s: another response is accepted", alg)
		}
	}
}

func TestReplayIsRefused(t *testing.T) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	c := challenge(v, SHA256, start)
	first := request(answer(t, c, 1, nil))
	want(t, v, first, start, Accepted)
	want(t, v, first, start, Replayed)
	want(t, v, request(answer(t, c, 5, nil)), start, Accepted)
	want(t, v, request(answer(t, c, 3, nil)), start, Accepted) // overtaken on the way
	want(t, v, request(answer(t, c, 3, nil)), start, Replayed)
	want(t, v, request(answer(t, c, 500, nil)), start, Accepted)
	want(t, v, request(answer(t, c, 400, nil)), start, Replayed) // below the window
	want(t, v, first, start, Replayed)
}

// Whoever signs something else than what the request says is refused.
func TestMethodURIAndQOPAreBound(t *testing.T) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	c := challenge(v, MD5, start)
	good := answer(t, c, 1, nil)
	for name, test := range map[string]struct {
		change func(r *Request)
		want   Outcome
	}{
		"method":       {func(r *Request) { r.Method = "INVITE" }, Wrong},
		"request-uri":  {func(r *Request) { r.URI = "sip:other.test" }, Malformed},
		"both uris":    {func(r *Request) { r.URI = "sip:o.test"; r.set(t, "sip:example.test", "sip:o.test") }, Wrong},
		"user":         {func(r *Request) { r.set(t, `"201"`, `"202"`) }, Wrong},
		"unknown user": {func(r *Request) { r.set(t, `"201"`, `"999"`) }, Wrong},
		"nc":           {func(r *Request) { r.set(t, "nc=00000001", "nc=00000002") }, Wrong},
		"cnonce":       {func(r *Request) { r.set(t, "0a4f113b", "0a4f113c") }, Wrong},
		"nonce":        {func(r *Request) { r.set(t, `nonce="`, `nonce="A`) }, Wrong},
		"no qop":       {func(r *Request) { r.set(t, ", qop=auth", "") }, Malformed},
		"qop auth-int": {func(r *Request) { r.set(t, "qop=auth", "qop=auth-int") }, Malformed},
		"no nc":        {func(r *Request) { r.set(t, ", nc=00000001", "") }, Malformed},
		"nc 0":         {func(r *Request) { r.set(t, "nc=00000001", "nc=00000000") }, Malformed},
		"nc signed":    {func(r *Request) { r.set(t, "nc=00000001", "nc=+0000001") }, Malformed},
		"no cnonce":    {func(r *Request) { r.set(t, `cnonce="0a4f113b", `, "") }, Malformed},
		"userhash":     {func(r *Request) { r.Authorization[0] += ", userhash=true" }, Malformed},
		"twice":        {func(r *Request) { r.Authorization[0] += `, username="202"` }, Malformed},
		"algorithm":    {func(r *Request) { r.set(t, "algorithm=MD5", "algorithm=MD5-sess") }, Missing},
		"other realm":  {func(r *Request) { r.set(t, `realm="example.test"`, `realm="other.test"`) }, Missing},
		"basic":        {func(r *Request) { r.Authorization[0] = "Basic MjAxOnNlY3JldDIwMQ==" }, Missing},
		"none":         {func(r *Request) { r.Authorization = nil }, Missing},
		"fifth":        {func(r *Request) { r.Authorization = []string{"a", "b", "c", "d", good} }, Missing},
		"empty secret": {func(r *Request) { r.set(t, `"201"`, `"empty"`) }, Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(good)
			test.change(&r)
			got := v.Verify(r, func(user string) (Secret, bool) {
				if user == "empty" {
					return Secret{}, true
				}
				return users(user)
			}, start)
			if got.Outcome != test.want || got.Reason == "" {
				t.Errorf("%s (%q), want %s", got.Outcome, got.Reason, test.want)
			}
			if strings.Contains(got.Reason, "secret") {
				t.Errorf("the reason gives something away: %q", got.Reason)
			}
		})
	}
	want(t, v, request("Basic x", good), start, Accepted) // nothing above used the nonce up
}

func (r *Request) set(t *testing.T, old, new string) {
	r.Authorization[0] = alter(t, r.Authorization[0], old, new)
}

// A wrong password and an unknown user look the same.
func TestUnknownUserIsAnsweredLikeAWrongPassword(t *testing.T) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	c := challenge(v, SHA256, start)
	asked := 0
	verify := func(user string) Verdict {
		r := request(answer(t, c, 1, func(o *digest.Options) { o.Username, o.Password = user, "guess" }))
		got := v.Verify(r, func(u string) (Secret, bool) { asked++; return users(u) }, start)
		got.User = ""
		return got
	}
	known, unknown := verify("201"), verify("999")
	if known != unknown || known.Outcome != Wrong || asked != 2 {
		t.Errorf("known %+v, unknown %+v, asked %d times", known, unknown, asked)
	}
	// Not even the secret that stands in for unknown users opens anything.
	r := request(answer(t, c, 1, func(o *digest.Options) {
		o.Username = "999"
		o.A1 = fmt.Sprintf("%x", v.nobody.sha256)
	}))
	want(t, v, r, start, Wrong)
}

func TestNonceExpiresAsStaleNeverWrong(t *testing.T) {
	v := NewVerifier(Config{Realm: realm, Lifetime: time.Minute}, NewKeyRing(key(1)))
	c := challenge(v, SHA256, start)
	want(t, v, request(answer(t, c, 1, nil)), start.Add(time.Minute), Accepted)
	want(t, v, request(answer(t, c, 2, nil)), start.Add(time.Minute+time.Second), Stale)
	want(t, v, request(answer(t, c, 2, nil)), start.Add(-time.Second), Stale) // a clock set back
	// A wrong password with an old nonce is wrong: no second try for a guesser.
	bad := answer(t, c, 3, func(o *digest.Options) { o.Password = "guess" })
	want(t, v, request(bad), start.Add(time.Hour), Wrong)
	// Another realm's nonce of the same key.
	other := NewVerifier(Config{Realm: "other"}, NewKeyRing(key(1)))
	strange := alter(t, challenge(other, SHA256, start), `realm="other"`, `realm="`+realm+`"`)
	want(t, v, request(answer(t, strange, 1, nil)), start, Stale)
	for _, nonce := range []string{"x", strings.Repeat("A", 27), strings.Repeat("é", 20), strings.Repeat("f", 500)} {
		garbage := `Digest realm="` + realm + `", nonce="` + nonce + `", algorithm=MD5, qop="auth"`
		want(t, v, request(answer(t, garbage, 1, nil)), start, Stale)
	}
}

func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:example.test", "SIP:Example.Test:5060;transport=tcp", true},
		{"sip:201@example.test;user=phone", "sip:201@example.test", true},
		{"sip:201@example.test", "sip:202@example.test", false},
		{"sip:example.test", "sips:example.test", false},
		{"sip:example.test", "sip:example.test:5070", false},
		{"sip:", "sip:;x", false},
		{"", "x", false},
	} {
		if sameURI(c.a, c.b) != c.same || sameURI(c.b, c.a) != c.same {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.same)
		}
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	s, k := FromPassword("201", realm, "secret201"), key(7)
	asJSON, err := json.Marshal(map[string]any{"s": s, "k": k})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s, k), fmt.Sprintf("%+v %#v %s %q", s, s, s, s), fmt.Sprintf("%+v %#v", k, k), string(asJSON)} {
		if strings.Contains(text, fmt.Sprintf("%x", s.md5[:2])) || strings.Contains(text, fmt.Sprint(s.md5[0], " ")) ||
			!strings.Contains(text, "[secret]") && !strings.Contains(text, "[key]") {
			t.Errorf("%s", text)
		}
	}
}

func TestSecretFromHA1AndInRecords(t *testing.T) {
	both := FromPassword("201", realm, "secret201")
	md5 := fmt.Sprintf("%x", both.md5)
	sha := fmt.Sprintf("%X", both.sha256)
	for text, has := range map[string][]Algorithm{md5: {MD5}, sha: {SHA256}, md5 + ", " + sha: {MD5, SHA256}} {
		s, err := ParseHA1(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Algorithm{MD5, SHA256} {
			if s.Has(a) != (len(has) == 2 || has[0] == a) {
				t.Errorf("%s: has %s is %v", text, a, s.Has(a))
			}
		}
		b, _ := s.AppendBinary(nil)
		if again, err := ParseSecret(b); err != nil || again != s {
			t.Errorf("%x: %v", b, err)
		}
		for _, broken := range [][]byte{b[:len(b)-1], append(b, 0), append([]byte{9}, b...)} {
			if _, err := ParseSecret(broken); err == nil {
				t.Errorf("%x is taken", broken)
			}
		}
	}
	if s, err := ParseHA1(md5 + "," + sha); err != nil || s != both {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "secret201", md5 + "," + md5, md5 + ",", md5[1:], "zz" + md5[2:]} {
		if _, err := ParseHA1(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if s, err := ParseSecret([]byte{0}); err != nil || !s.IsZero() {
		t.Errorf("no secret at all: %v", err)
	}
}
