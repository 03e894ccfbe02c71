package certs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// begin is when the certificates of these tests are issued.
var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const testDay = 24 * time.Hour

func newCA(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA("test CA", begin, 3650*testDay)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func london() Request {
	return Request{System: "london", Addresses: []string{"127.0.0.11", "sip.london.test", "[2001:db8::1]"}, Domain: "example.test", ValidFor: 365 * testDay}
}

func issue(t *testing.T, ca *CA, req Request, now time.Time) *Identity {
	t.Helper()
	id, err := ca.IssueIdentity(req, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestIssue_CarriesAllThatPhonesAndPeersAreGiven(t *testing.T) {
	id := issue(t, newCA(t), london(), begin)
	if got := id.System(); got != "london" {
		t.Errorf("system %q, want london", got)
	}
	for _, address := range []string{"127.0.0.11", "sip.london.test", "2001:db8::1", "[2001:db8::1]", "::ffff:127.0.0.11", "example.test", "london"} {
		if !Covers(id.Leaf, address) {
			t.Errorf("does not cover %s", address)
		}
	}
	for _, address := range []string{"127.0.0.12", "paris.test", "sip.example.test", ""} {
		if Covers(id.Leaf, address) {
			t.Errorf("covers %q", address)
		}
	}
	var uris []string
	for _, uri := range id.Leaf.URIs {
		uris = append(uris, uri.String())
	}
	if want := []string{"sipnode://london", "sip:example.test"}; !slices.Equal(uris, want) {
		t.Errorf("URIs %v, want %v", uris, want)
	}
	if findings := id.Check(Expect{System: "london", Addresses: []string{"127.0.0.11"}, Domain: "example.test"}, begin); len(findings) != 0 {
		t.Errorf("a good certificate has findings: %+v", findings)
	}
}

func TestIssue_RefusesWhatCannotStandInACertificate(t *testing.T) {
	ca := newCA(t)
	for name, req := range map[string]Request{
		"no name":          {ValidFor: testDay},
		"name with a dot":  {System: "lon.don", ValidFor: testDay},
		"name too long":    {System: strings.Repeat("a", 64), ValidFor: testDay},
		"address and port": {System: "london", Addresses: []string{"127.0.0.1:5061"}, ValidFor: testDay},
		"empty address":    {System: "london", Addresses: []string{""}, ValidFor: testDay},
		"bad domain":       {System: "london", Domain: "exa mple", ValidFor: testDay},
		"no time":          {System: "london"},
	} {
		if _, err := ca.Issue(req, begin); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}

func TestIssue_NeverOutlivesItsRoot(t *testing.T) {
	ca, err := NewCA("short", begin, 10*testDay)
	if err != nil {
		t.Fatal(err)
	}
	id := issue(t, ca, london(), begin)
	if !id.Leaf.NotAfter.Equal(ca.Root().NotAfter) {
		t.Errorf("ends %s, its root %s", id.Leaf.NotAfter, ca.Root().NotAfter)
	}
}

func TestSE2_VerifyPeerSaysInWordsWhatIsWrong(t *testing.T) {
	ours, other := newCA(t), newCA(t)
	good := issue(t, ours, london(), begin)
	stranger := issue(t, other, london(), begin)
	noSystem := issue(t, ours, london(), begin)
	noSystem.Leaf.URIs = nil
	for _, c := range []struct {
		name   string
		id     *Identity
		system string
		now    time.Time
		want   error
		words  string
	}{
		{"good", good, "london", begin, nil, ""},
		{"any named system", good, "", begin, nil, ""},
		{"other name", good, "paris", begin, ErrOtherName, "certificate names london, expected paris"},
		{"no name", noSystem, "", begin, ErrOtherName, "names no system"},
		{"other root", stranger, "london", begin, ErrOtherRoot, `signed by "test CA", not by the trusted root "test CA" (SHA-256 `},
		{"last second", good, "london", good.Leaf.NotAfter, nil, ""},
		{"expired", good, "london", good.Leaf.NotAfter.Add(time.Second), ErrExpired, "expired on 2027-03-01 12:00 UTC"},
		{"not yet", good, "london", begin.Add(-2 * time.Hour), ErrNotYetValid, "is the clock right?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := VerifyPeer(append(c.id.Intermediates[:0:0], c.id.Leaf), ours.roots(), c.system, ClientSide, c.now)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%q lacks %q", err, c.words)
			}
		})
	}
	if _, err := VerifyPeer(nil, ours.roots(), "", ClientSide, begin); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("no certificate: %v", err)
	}
}

func TestSE2_CheckFindsWhatIsWrongBeforePhonesDo(t *testing.T) {
	ours, other := newCA(t), newCA(t)
	good := issue(t, ours, london(), begin)
	mixed := issue(t, other, london(), begin)
	mixed.Roots = ours.roots()
	expect := Expect{System: "london", Addresses: []string{"127.0.0.11"}, Domain: "example.test"}
	end := good.Leaf.NotAfter
	for _, c := range []struct {
		name   string
		id     *Identity
		expect Expect
		now    time.Time
		want   []Kind
		severe bool
	}{
		{"31 days before the end", good, expect, end.Add(-31 * testDay), nil, false},
		{"30 days before the end", good, expect, end.Add(-30 * testDay), []Kind{KindExpiring}, false},
		{"after the end", good, expect, end.Add(time.Minute), []Kind{KindExpired}, true},
		{"before the begin", good, expect, begin.Add(-2 * time.Hour), []Kind{KindExpired, KindExpired}, true},
		{"other root", mixed, expect, begin, []Kind{KindChain}, true},
		{"other root and expired", mixed, expect, end.Add(time.Minute), []Kind{KindExpired, KindChain}, true},
		{"other system", good, Expect{System: "paris"}, begin, []Kind{KindName}, true},
		{"address not covered", good, Expect{System: "london", Addresses: []string{"127.0.0.99"}}, begin, []Kind{KindAddress}, true},
		{"domain not covered", good, Expect{System: "london", Domain: "other.test"}, begin, []Kind{KindDomain}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kinds []Kind
			for _, finding := range c.id.Check(c.expect, c.now) {
				kinds = append(kinds, finding.Kind)
				if finding.Severe != c.severe {
					t.Errorf("severe is %v: %s", finding.Severe, finding.Text)
				}
				if finding.Text == "" || finding.Remedy == "" {
					t.Errorf("finding without words: %+v", finding)
				}
			}
			if !slices.Equal(kinds, c.want) {
				t.Errorf("found %v, want %v", kinds, c.want)
			}
		})
	}
}

func TestLoad_SaysWhichFileIsWrong(t *testing.T) {
	dir := t.TempDir()
	ca, err := InitDir(dir, begin, 3650*testDay)
	if err != nil {
		t.Fatal(err)
	}
	good, err := ca.IssueInto(dir, london(), begin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(good); err != nil {
		t.Fatalf("good files: %v", err)
	}
	paris, err := ca.IssueInto(dir, Request{System: "paris", ValidFor: testDay}, begin)
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.pem")
	write(t, empty, nil)
	missing := filepath.Join(dir, "missing.pem")
	for name, c := range map[string]struct {
		files Files
		want  error
		words string
	}{
		"missing":          {Files{missing, good.Key, good.TrustedRoot}, ErrUnreadable, missing},
		"not named":        {Files{good.Identity, "", good.TrustedRoot}, ErrUnreadable, "key: "},
		"empty":            {Files{empty, good.Key, good.TrustedRoot}, ErrNoCertificate, empty},
		"empty key":        {Files{good.Identity, empty, good.TrustedRoot}, ErrUnreadable, empty},
		"key of another":   {Files{good.Identity, paris.Key, good.TrustedRoot}, ErrKeyMismatch, paris.Key},
		"leaf as the root": {Files{good.Identity, good.Key, good.Identity}, nil, "no trusted root"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(c.files)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.words)
			}
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSE2_ReloadTakesAGoodFileAndKeepsTheOldOneForABadOne(t *testing.T) {
	dir := t.TempDir()
	ca, err := InitDir(dir, begin, 3650*testDay)
	if err != nil {
		t.Fatal(err)
	}
	files, err := ca.IssueInto(dir, london(), begin)
	if err != nil {
		t.Fatal(err)
	}
	source, err := Open(files)
	if err != nil {
		t.Fatal(err)
	}
	first := source.Current()
	reload := func(now time.Time, wantChanged bool, wantErr error) {
		t.Helper()
		changed, err := source.Reload(now)
		if changed != wantChanged || !errors.Is(err, wantErr) {
			t.Fatalf("changed %v, error %v; want %v, %v", changed, err, wantChanged, wantErr)
		}
	}
	reload(begin, false, nil)

	good, err := os.ReadFile(files.Identity)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct {
		data []byte
		want error
	}{
		"half a file":      {good[:len(good)/2], ErrNoCertificate},
		"another key pair": {mustIssue(t, ca, "london", 365*testDay).Certificate, ErrKeyMismatch},
	} {
		write(t, files.Identity, bad.data)
		reload(begin, false, bad.want)
		reload(begin, false, bad.want) // the alarm stands as long as the file is bad
		if source.Current() != first {
			t.Fatalf("%s: the old identity is gone", name)
		}
	}
	for name, bad := range map[string]struct {
		issued *Issued
		want   error
	}{
		"another system": {mustIssue(t, ca, "paris", 365*testDay), ErrOtherName},
		"expired":        {mustIssue(t, ca, "london", time.Minute), ErrExpired},
		"another root":   {mustIssue(t, newCA(t), "london", 365*testDay), ErrOtherRoot},
	} {
		write(t, files.Identity, bad.issued.Certificate)
		write(t, files.Key, bad.issued.Key)
		reload(begin.Add(time.Hour), false, bad.want)
		if source.Current() != first {
			t.Fatalf("%s: the old identity is gone", name)
		}
	}
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	reload(begin, false, ErrUnreadable)

	if _, err := ca.IssueInto(dir, london(), begin.Add(testDay)); err != nil {
		t.Fatal(err)
	}
	reload(begin.Add(testDay), true, nil)
	reload(begin.Add(testDay), false, nil)
	if source.Current() == first || !source.Current().Leaf.NotBefore.After(first.Leaf.NotBefore) {
		t.Error("the new identity is not in force")
	}
}

func mustIssue(t *testing.T, ca *CA, system string, validFor time.Duration) *Issued {
	t.Helper()
	issued, err := ca.Issue(Request{System: system, ValidFor: validFor}, begin)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func TestInitDir_NeverOverwritesARoot(t *testing.T) {
	dir := t.TempDir()
	ca, err := InitDir(dir, begin, 10*testDay)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InitDir(dir, begin, 10*testDay); err == nil {
		t.Error("a root was overwritten")
	}
	opened, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if Fingerprint(opened.Root()) != Fingerprint(ca.Root()) {
		t.Error("another root was read than written")
	}
	for _, name := range []string{"root.key", "london.key"} {
		if _, err := opened.IssueInto(dir, london(), begin); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; a key is for its owner only", name, info.Mode(), err)
		}
	}
	if _, err := opened.IssueInto(dir, Request{System: "root", ValidFor: testDay}, begin); err == nil {
		t.Error("a system called root overwrote the CA")
	}
}
