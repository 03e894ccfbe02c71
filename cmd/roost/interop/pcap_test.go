package interop

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// whole is an answer with which nothing is wrong.
const whole = "SIP/2.0 200 OK\r\n" +
	"Via: SIP/2.0/UDP 127.0.5.1:5070;branch=z9hG4bKx;rport=5070\r\n" +
	"To: <sip:201@example.test>;tag=a\r\n" +
	"From: <sip:201@example.test>;tag=b\r\n" +
	"Call-ID: c1\r\n" +
	"CSeq: 1 REGISTER\r\n" +
	"Contact: <sip:201@127.0.5.1:5070>;expires=60\r\n" +
	"Content-Length: 0\r\n\r\n"

// TestInterop_ABrokenMessageIsCaught proves that the check which the captures of the
// other tests must pass can fail.
func TestInterop_ABrokenMessageIsCaught(t *testing.T) {
	t.Parallel()
	needTool(t, "tshark")
	messages := []string{whole, "\r\n"} // and a keep-alive
	var names []string
	for _, broken := range []struct{ name, old, by string }{
		{"no end of the headers", "\r\n\r\n", "\r\n"},
		{"a header without a colon", "Call-ID: c1", "Call-ID c1"},
		{"no CSeq", "CSeq: 1 REGISTER\r\n", ""},
		{"a CSeq without a number", "CSeq: 1", "CSeq: x"},
		{"no Via", "Via: SIP/2.0/UDP 127.0.5.1:5070;branch=z9hG4bKx;rport=5070\r\n", ""},
		{"no branch", ";branch=z9hG4bKx", ""},
		{"no From tag", ";tag=b", ""},
		{"Content-Length in words", "Content-Length: 0", "Content-Length: none"},
		{"no Content-Length", "Content-Length: 0\r\n", ""},
		{"a To without a URI", "To: <sip:201@example.test>", "To: <>"},
		{"not a status line", "SIP/2.0 200 OK", "SIP/2.0 2000 OK"},
		{"half a reg-info document", "Content-Length: 0\r\n\r\n", "Content-Type: application/reginfo+xml\r\nContent-Length: 24\r\n\r\n<?xml version=\"1.0\"?><re"},
		{"nothing of SIP", whole, "Hello, and good night"},
	} {
		if !strings.Contains(whole, broken.old) {
			t.Fatalf("%s: %q is not in the message", broken.name, broken.old)
		}
		names = append(names, broken.name)
		messages = append(messages, strings.Replace(whole, broken.old, broken.by, 1))
	}
	made := pcap(t, "127.0.5.2", sipPort, messages...)
	caught := map[string]string{} // by frame number
	for _, fault := range made.faults(t, "127.0.5.2") {
		frame, why, _ := strings.Cut(fault, "\t")
		caught[frame] = why
	}
	for i, name := range names {
		if why, ok := caught[strconv.Itoa(i+3)]; ok {
			t.Logf("%s: caught (%s)", name, why)
		} else {
			t.Errorf("%s: not caught", name)
		}
	}
	for _, frame := range []string{"1", "2"} {
		if why, ok := caught[frame]; ok {
			t.Errorf("frame %s, with which nothing is wrong, was caught: %s", frame, why)
		}
	}
	if found := made.faults(t, "127.0.5.3"); len(found) != 0 {
		t.Errorf("messages that no system sent were judged: %v", found)
	}
}

// TestInterop_ABrokenPacketIsCaught proves the same for the packets of relays.
func TestInterop_ABrokenPacketIsCaught(t *testing.T) {
	t.Parallel()
	needTool(t, "tshark")
	const voice = "\x80\x00\x00\x01\x00\x00\x00\xa0\x12\x34\x56\x78voice of G.711"
	const report = "\x80\xc8\x00\x06\x12\x34\x56\x78" + "12345678" + "\x00\x00\x00\xa0" + "\x00\x00\x00\x01" + "\x00\x00\x00\xa0"
	packets := []string{
		voice,
		report,
		"\x40" + voice[1:],               // version 1
		voice[:9],                        // half a header
		"\x8f" + voice[1:20],             // more sources than there are bytes
		"\x90" + voice[1:14],             // an extension that is not there
		report[:3] + "\x20" + report[4:], // longer than it is
		"Hello, and good night",
	}
	made := pcap(t, "127.0.5.2", 21000, packets...)
	faults := made.voiceFaults(t, "127.0.5.2")
	caught := map[string]bool{} // by frame number
	for _, fault := range faults {
		frame, _, _ := strings.Cut(fault, "\t")
		caught[frame] = true
	}
	for i := range packets {
		if broken := i >= 2; caught[strconv.Itoa(i+1)] != broken {
			t.Errorf("packet %d: broken %v, caught %v", i+1, broken, !broken)
		}
	}
	if t.Failed() {
		t.Logf("%v", faults)
	}
}

// pcap writes messages as UDP datagrams of a system into a capture file (libpcap's
// format, link type 101: IP without a link layer).
func pcap(t *testing.T, address string, port uint16, messages ...string) recording {
	t.Helper()
	le, be := binary.LittleEndian, binary.BigEndian
	var file []byte
	for _, v := range []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 101} {
		file = le.AppendUint32(file, v)
	}
	from, to := netip.MustParseAddr(address).As4(), netip.MustParseAddr("127.0.5.1").As4()
	for i, message := range messages {
		length := 20 + 8 + len(message)
		for _, v := range []uint32{uint32(i), 0, uint32(length), uint32(length)} {
			file = le.AppendUint32(file, v)
		}
		file = append(file, 0x45, 0)
		file = be.AppendUint16(file, uint16(length))
		file = append(file, 0, byte(i), 0, 0, 64, 17, 0, 0)
		file = append(append(file, from[:]...), to[:]...)
		for _, v := range []uint16{port, 5070, uint16(8 + len(message)), 0} {
			file = be.AppendUint16(file, v)
		}
		file = append(file, message...)
	}
	path := filepath.Join(t.TempDir(), "made.pcap")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return recording{path: path}
}
