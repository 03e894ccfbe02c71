package trunk

import (
	"strings"
	"testing"
)

// RFC 7616 §3.9.1: the same challenge by SHA-256 and MD5.
func TestRFC7616_Vectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
	} {
		c, ok := parseChallenge(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
		if !ok {
			t.Fatal("the challenge cannot be answered")
		}
		got, ok := Credentials{"Mufasa", "Circle of Life"}.answer(&c, "GET", "/dir/index.html", 1, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
		if !ok || !strings.Contains(got, `response="`+want+`"`) {
			t.Errorf("%s: %s", algorithm, got)
		}
		for _, part := range []string{`opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, "nc=00000001", "qop=auth", "algorithm=" + algorithm} {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %s in %s", algorithm, part, got)
			}
		}
	}
}

func TestChallenge_WhatCanBeAnswered(t *testing.T) {
	for challenge, want := range map[string]bool{
		`Digest realm="a", nonce="b"`:                              true, // RFC 2069's, without qop
		`digest  REALM = "a" , Nonce="b",QOP="AUTH",algorithm=md5`: true, // in any case, any space
		`Digest realm="a, b=\"c\"", nonce="d"`:                     true,
		`Digest realm="a", nonce="b", qop="auth-int,auth"`:         true,
		`Digest realm="a", nonce="b", qop="auth-int"`:              false,
		`Digest realm="a", nonce="b", algorithm=SHA-512-256`:       false,
		`Digest realm="a", nonce="b", algorithm=MD5-sess`:          false,
		`Digest realm="a"`:                                         false,
		`Basic realm="a"`:                                          false,
		`Digest nonce="` + strings.Repeat("n", maxChallenge) + `"`: false,
		``: false,
		`Digest realm="a", nonce="b", algorithm=SHA-256, unknown="x\"y,z"`: true,
	} {
		if _, got := (Credentials{"u", "p"}).Answer(challenge, "INVITE", "sip:x"); got != want {
			t.Errorf("%.80s: %v", challenge, got)
		}
	}
	if _, ok := (Credentials{}).Answer(`Digest realm="a", nonce="b"`, "INVITE", "sip:x"); ok {
		t.Error("answered without a user")
	}
	c, _ := parseChallenge(`Digest realm="a, b=\"c\"", nonce="d"`)
	if c.Realm != `a, b="c"` {
		t.Errorf("realm %q", c.Realm)
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth", algorithm=SHA-256`)
	f.Add(`Digest realm="\`)
	f.Add("Digest nonce=\"a\r\nEvil: yes\"")
	f.Fuzz(func(t *testing.T, challenge string) {
		got, ok := Credentials{"user", "pass"}.Answer(challenge, "REGISTER", "sip:example.test")
		if !ok {
			return
		}
		if strings.ContainsAny(got, "\r\n") {
			t.Errorf("a line break got into %q", got)
		}
		if !strings.HasPrefix(got, "Digest username=\"user\"") || !strings.Contains(got, "response=") {
			t.Errorf("%q", got)
		}
	})
}
