package natscarrier

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestGuard_StopsWhatWouldMakeTheClientAllocate(t *testing.T) {
	const limit = 1000
	for stream, good := range map[string]bool{
		"INFO {}\r\nPING\r\nMSG hb.a 1 3\r\nabc\r\nPONG\r\n":        true,
		"MSG hb.a 1 _INBOX.x 0\r\n\r\n+OK\r\n":                      true,
		"HMSG a 1 12 1000\r\n" + strings.Repeat("x", 1000) + "\r\n": true,
		"msg a 1 1000\r\n" + strings.Repeat("\n", 1000) + "\r\n":    true,
		"MSG a 1 1001\r\n":                       false,
		"MSG a 1 9000000000000\r\n":              false,
		"mSg a 1 99999999999999999999999\r\n":    false,
		"HMSG a 1 9 2000\r\n":                    false,
		"MSG a 1 \r\n":                           false,
		"MSG a 1 0\r\nzz\r\n":                    false, // where the client would look for the next line end
		"MSG a 1 0\r\n\nMSG a 1 9000000000\r\n":  false,
		"MSG a 1\r 9000000000 5\n":               false, // of which the client drops the last byte
		"MSG a 1 5\n":                            false,
		"MSG a 1 -5\r\n":                         false,
		"MSG a 1 5\r\nhello\r\nMSG a 1 5000\r\n": false,
		"-ERR " + strings.Repeat("x", maxLine):   false,
	} {
		for _, chunk := range []int{1, 3, len(stream)} {
			f := frames{maxPayload: limit}
			var err error
			for rest := []byte(stream); len(rest) > 0 && err == nil; {
				n := min(chunk, len(rest))
				err = f.see(rest[:n])
				rest = rest[n:]
			}
			if good != (err == nil) || err != nil && !errors.Is(err, errFrame) {
				t.Errorf("%.40q in chunks of %d: %v", stream, chunk, err)
			}
		}
	}
}

// Whatever the chunks, the guard sees the same; and it keeps no more than a line.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("INFO {}\r\nMSG hb.a 1 3\r\nabc\r\nHMSG a 1 2 4\r\nabcd\r\nPING\r\n"), 3)
	f.Add([]byte("MSG a 1 9000000000000\r\n"), 1)
	f.Add([]byte("MSG\r\nMSG x\r\n\r\n\n\n"), 2)
	f.Fuzz(func(t *testing.T, stream []byte, chunk int) {
		whole := frames{maxPayload: 64}
		wholeErr := whole.see(stream)
		parts := frames{maxPayload: 64}
		var partsErr error
		chunk = max(1, chunk%16)
		for rest := stream; len(rest) > 0 && partsErr == nil; {
			n := min(chunk, len(rest))
			partsErr = parts.see(rest[:n])
			rest = rest[n:]
		}
		if fmt.Sprint(wholeErr) != fmt.Sprint(partsErr) {
			t.Fatalf("whole: %v, in parts: %v", wholeErr, partsErr)
		}
		if len(parts.line) > maxLine || parts.skip > 64+2 {
			t.Fatalf("keeps %d bytes, skips %d", len(parts.line), parts.skip)
		}
		if wholeErr == nil && !bytes.Equal(whole.line, parts.line) {
			t.Fatalf("lines differ: %q %q", whole.line, parts.line)
		}
	})
}

func FuzzReplySubject(f *testing.F) {
	f.Add("_INBOX.paris.abc.def")
	f.Add("hb.london")
	f.Add("_INBOX.paris.>")
	f.Fuzz(func(t *testing.T, reply string) {
		if inboxOf(reply, "paris") && (!strings.HasPrefix(reply, "_INBOX.paris.") || strings.ContainsAny(reply, "*> \r\n")) {
			t.Fatalf("%q was taken for an inbox of paris", reply)
		}
	})
}
