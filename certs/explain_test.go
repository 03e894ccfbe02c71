package certs

import (
	"strings"
	"testing"
	"time"
)

func TestExplain_TellsInWords(t *testing.T) {
	ours, other := newCA(t), newCA(t)
	id := issue(t, ours, london(), begin)
	for _, c := range []struct {
		name  string
		ca    *CA
		now   time.Time
		words []string
	}{
		{"good", ours, begin, []string{
			`the system london ("london")`, "london, sip.london.test, example.test", "127.0.0.11, 2001:db8::1",
			"sipnode://london, sip:example.test", `"test CA"`, "2026-03-01 11:00 UTC to 2027-03-01 12:00 UTC, 365 days left",
			"as a TLS server", "as a TLS client", "ECDSA P-256", `yes, it chains to "test CA"`,
		}},
		{"soon over", ours, id.Leaf.NotAfter.Add(-testDay), []string{"only 1 day left: issue a new one"}},
		{"over", ours, id.Leaf.NotAfter.Add(2 * testDay), []string{"EXPIRED 2 days ago", "NO: expired on"}},
		{"not begun", ours, begin.Add(-49 * time.Hour), []string{"NOT YET VALID for 2 days"}},
		{"other root", other, begin, []string{"NO: other root"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if err := Explain(&out, id.Leaf, nil, c.ca.roots(), c.now); err != nil {
				t.Fatal(err)
			}
			for _, words := range c.words {
				if !strings.Contains(out.String(), words) {
					t.Errorf("lacks %q in\n%s", words, out.String())
				}
			}
		})
	}
	var out strings.Builder
	if err := Explain(&out, ours.Root(), nil, ours.roots(), begin); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{`the certification authority "test CA"`, "itself", "to sign other certificates", "it is the trusted root itself"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("lacks %q in\n%s", words, out.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	ca, err := NewCA("fuzz", begin, testDay)
	if err != nil {
		f.Fatal(err)
	}
	issued, err := ca.Issue(Request{System: "london", ValidFor: testDay}, begin)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(issued.Certificate, issued.Key, ca.RootPEM())
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"), issued.Key, ca.RootPEM())
	f.Add(issued.Certificate, []byte("-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n"), ca.RootPEM())
	f.Fuzz(func(t *testing.T, certificate, key, root []byte) {
		id, err := Parse(certificate, key, root)
		if err != nil {
			return
		}
		id.Check(Expect{System: "london", Addresses: []string{"::1"}, Domain: "example.test"}, begin)
		if err := Explain(&strings.Builder{}, id.Leaf, id.Intermediates, id.Roots, begin); err != nil {
			t.Fatal(err)
		}
	})
}
