package message

import "testing"

// The short ways of cut must give what the whole one gives.
func FuzzCut(f *testing.F) {
	for _, s := range []string{
		"", ",", "a,b", "<sip:1@a>;expires=1", `"a,b" <sip:1@a,b>, <sip:2@b>`, `a>,b`, `a\,b`, `"a\",b",c`, `<a,b`, `"a,b`, `a;b="c;d";e`, "a<b;c>;d",
	} {
		f.Add(s, byte(','))
		f.Add(s, byte(';'))
	}
	f.Fuzz(func(t *testing.T, s string, sep byte) {
		switch sep {
		case '"', '<', '>', '\\':
			return // never what values are separated by
		}
		before, after, more := cut(s, sep)
		wantBefore, wantAfter, wantMore := cutSlowly(s, sep)
		if before != wantBefore || after != wantAfter || more != wantMore {
			t.Fatalf("%q at %q: %q %q %t, want %q %q %t", s, sep, before, after, more, wantBefore, wantAfter, wantMore)
		}
	})
}
