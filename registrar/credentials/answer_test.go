package credentials

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/icholy/digest"
)

func TestParseAnswer(t *testing.T) {
	a, err := ParseAnswer("dIgEsT\t Username = \"a\\\"b\" ,realm=\"r\",\r\n nonce=n,uri=\"sip:x;y,z\",, response=\"0\", userhash=TRUE, other=\"x\", qop=auth, nc=00000001,")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Answer{Username: `a"b`, Realm: "r", Nonce: "n", URI: "sip:x;y,z", Response: "0", UserHash: true, QOP: "auth", NC: "00000001"}); a != want {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
	for _, bad := range []string{
		"", "Digest", "Digestx a=b", "Basic abc",
		`Digest username="a`, `Digest username="a\`, `Digest username`, `Digest =x`, `Digest username=`, `Digest username="a" realm="b"`,
		"Digest username=\"a\nb\"", "Digest username=\"a\x00\"", "Digest username=\"a\\\x01\"",
		`Digest username="a", USERNAME="b"`, `Digest userhash=true, userhash=false`,
		"Digest a=" + strings.Repeat("x", MaxAuthorizationLength),
		"Digest " + strings.Repeat("a=b,", 30),
	} {
		if a, err := ParseAnswer(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, a)
		}
	}
}

// What both parsers take, both read the same.
func FuzzParseAnswer(f *testing.F) {
	v := NewVerifier(Config{Realm: realm}, NewKeyRing(key(1)))
	f.Add(answer(f, challenge(v, MD5, start), 1, nil))
	f.Add(answer(f, challenge(v, SHA256, start), 70000, nil))
	f.Add(`Digest username="a\"b\\", realm="", nonce=x, opaque="é", userhash=true`)
	f.Add("Digest username=\"a\" ,  algorithm=MD5,nc=ffffffff,nc=1")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAnswer(s)
		got := v.Verify(Request{Method: "REGISTER", URI: a.URI, Authorization: []string{s}}, users, start)
		if err != nil && got.Outcome != Malformed && got.Outcome != Missing {
			t.Fatalf("%q: %v, and yet %s", s, err, got.Outcome)
		}
		s = strings.ToLower(s) // the library knows parameter names in lower case only
		a, err = ParseAnswer(s)
		c, cerr := digest.ParseCredentials(s)
		if err != nil || cerr != nil || !utf8.ValidString(s) {
			return
		}
		for _, p := range []struct{ name, ours, theirs string }{
			{"username", a.Username, c.Username}, {"realm", a.Realm, c.Realm}, {"nonce", a.Nonce, c.Nonce},
			{"uri", a.URI, c.URI}, {"response", a.Response, c.Response}, {"algorithm", a.Algorithm, c.Algorithm},
			{"cnonce", a.CNonce, c.Cnonce}, {"opaque", a.Opaque, c.Opaque}, {"qop", a.QOP, c.QOP},
		} {
			if p.ours != p.theirs {
				t.Errorf("%q: %s is %q, the library reads %q", s, p.name, p.ours, p.theirs)
			}
		}
	})
}

func FuzzNonce(f *testing.F) {
	ring := NewKeyRing(key(1)).keys.Load()
	check := checkOf(realm)
	good := string(appendNonce(nil, ring.own, stampAt(start.UnixMilli()), check))
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		stamp, k := openNonce(ring, s, check)
		if k != nil && s != good {
			t.Fatalf("%q opens as %d", s, stamp)
		}
		if k != nil && stamp != stampAt(start.UnixMilli()) {
			t.Fatalf("%d", stamp)
		}
	})
}
