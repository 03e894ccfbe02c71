package faults

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// malformed throws the torture messages of RFC 4475, and real messages with random
// faults, over UDP, TCP and TLS.
func malformed(t *testing.T, a *arena) {
	torture, err := filepath.Glob("../../../signaling/sip/message/testdata/torture/*.dat")
	if err != nil || len(torture) < 40 {
		t.Fatalf("the messages of RFC 4475: %d, %v", len(torture), err)
	}
	var seeds []string
	for _, path := range torture {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, string(content))
	}
	one := a.udp(a.ip(101), a.london)
	defer one.close()
	registered, _ := one.register(a.victim, password(a.victim), 1)
	if registered.status != 200 {
		t.Fatal(registered.text)
	}
	seeds = append(seeds, registered.text, one.request("REGISTER", a.victim, 5, one.contact(a.victim)),
		one.request("SUBSCRIBE", a.victim, 6, "Event: reg", one.contact(a.victim)), one.request("INVITE", a.victim, 7), "\r\n\r\n", "")
	for _, seed := range seeds {
		one.send(seed)
	}
	random := rand.New(rand.NewPCG(4475, 1))
	const datagrams, streams = 3_000, 200
	for range datagrams {
		one.send(mutate(random, seeds[random.IntN(len(seeds))]))
	}
	for i := range streams {
		w := a.tcp(a.ip(102), a.london.at(5060))
		if i%4 == 0 {
			w.close()
			w = a.tls(a.ip(102), a.london.at(5061))
		}
		w.send(mutate(random, seeds[random.IntN(len(seeds))]))
		w.close()
	}
}

// mutate makes some faults in a message, as a broken or hostile sender would.
func mutate(random *rand.Rand, text string) string {
	b := []byte(text)
	for range 1 + random.IntN(4) {
		if len(b) < 2 {
			return string(b)
		}
		i, j := random.IntN(len(b)), random.IntN(len(b))
		i, j = min(i, j), max(i, j)
		switch random.IntN(6) {
		case 0:
			b[i] = byte(random.IntN(256))
		case 1: // cut off
			b = b[:j]
		case 2: // a part is missing
			b = append(b[:i:i], b[j:]...)
		case 3: // a part stands there twice
			b = append(b[:j:j], b[i:]...)
		case 4:
			b = append(b[:i:i], append([]byte(strings.Repeat(string(b[j]), 300)), b[i:]...)...)
		default:
			insert := []string{"\r\n", "\x00", ",", ";", "<", "\"", "Content-Length: 99999999999\r\n", "\r\n ", "%00", "é"}
			b = append(b[:i:i], append([]byte(insert[random.IntN(len(insert))]), b[i:]...)...)
		}
		if len(b) > 60_000 {
			b = b[:60_000]
		}
	}
	return string(b)
}

// oversized sends bodies and headers over the limits.
func oversized(t *testing.T, a *arena) {
	body := strings.Repeat("x", 9_000)
	with := func(text, length, body string) string {
		return strings.Replace(text, "Content-Length: 0", "Content-Length: "+length, 1) + body
	}
	datagram := a.udp(a.ip(101), a.london)
	defer datagram.close()
	refused := datagram.ask(with(datagram.request("MESSAGE", a.victim, 1), "9000", body))
	if refused.status != 413 && refused.status != 513 {
		t.Errorf("9,000 bytes over UDP: %s", refused.text)
	}
	for name, text := range map[string]func(w *stranger) string{
		"a body of a hundred megabytes": func(w *stranger) string { return with(w.request("MESSAGE", a.victim, 1), "100000000", body) },
		"a header without end": func(w *stranger) string {
			return strings.TrimSuffix(w.request("OPTIONS", a.victim, 1), "\r\n") + strings.Repeat("X-More: "+body+"\r\n", 10)
		},
	} {
		for _, w := range []*stranger{a.tcp(a.ip(101), a.london.at(5060)), a.tls(a.ip(101), a.london.at(5061))} {
			w.send(text(w))
			got, err := w.receive(5 * time.Second)
			if err != nil || got.status != 413 && got.status != 513 {
				t.Errorf("%s: %v %s", name, err, got.text)
			}
			if _, err := w.receive(5 * time.Second); err == nil {
				t.Errorf("%s: the connection goes on", name)
			}
			w.close()
		}
	}
}

// crackOne tries passwords for a number from one address, until that is kept out.
func crackOne(t *testing.T, a *arena) {
	w := a.udp(a.ip(110), a.london)
	defer w.close()
	challenged := w.ask(w.request("REGISTER", "201", 1, w.contact("201")))
	if challenged.status != 401 {
		t.Fatal(challenged.text)
	}
	for i := range 200 {
		proof := authorization(t, challenged, "REGISTER", "sip:"+domain, "201", fmt.Sprint("guess", i), i+1)
		w.send(w.request("REGISTER", "201", i+2, w.contact("201"), proof))
		if got, err := w.receive(100 * time.Millisecond); err == nil {
			if got.status != 401 {
				t.Fatalf("a wrong password: %s", got.text)
			}
			challenged = got
			continue
		}
		if i < 5 {
			t.Fatalf("kept out after %d wrong passwords", i)
		}
		if i > 20 {
			return
		}
	}
	t.Error("200 wrong passwords were answered")
}

// crackMany tries one password each from many addresses.
func crackMany(t *testing.T, a *arena) {
	for i := range 400 {
		w := a.udp(netip.AddrFrom4([4]byte{127, a.a, byte(i % 250), byte(2 + i/250)}), a.london)
		challenged := w.ask(w.request("REGISTER", "202", 1, w.contact("202")))
		proof := authorization(t, challenged, "REGISTER", "sip:"+domain, "202", "guess", 1)
		if got := w.ask(w.request("REGISTER", "202", 2, w.contact("202"), proof)); got.status != 401 {
			t.Fatalf("a wrong password: %s", got.text)
		}
		w.close()
	}
}

// spoofed sends from more addresses than a site has phones, each once or twice.
func spoofed(t *testing.T, a *arena) {
	for i := range 3_000 {
		w := a.udp(netip.AddrFrom4([4]byte{127, byte(1 + i%200), byte(i / 200), byte(3 + i%250)}), a.london)
		w.send(w.request("REGISTER", fmt.Sprint(i), 1, w.contact("201")))
		w.send("\r\n\r\n")
		w.close()
	}
	flows, told := a.london.status().Counters["flow_udpflows"]
	if !told || flows > 70_000 {
		t.Errorf("%v flows of UDP", flows)
	}
}

// flood sends from one address more than a phone ever would.
func flood(t *testing.T, a *arena) {
	w := a.udp(a.ip(111), a.london)
	defer w.close()
	for i := range 20_000 {
		w.send(w.request("OPTIONS", "201", i))
	}
}

// replayed sends credentials that were used before, here and at the other system.
func replayed(t *testing.T, a *arena) {
	phone := a.udp(a.ip(112), a.london)
	defer phone.close()
	got, proof := phone.register(a.victim, password(a.victim), 10)
	if got.status != 200 {
		t.Fatal(got.text)
	}
	thief := a.udp(a.ip(113), a.london)
	defer thief.close()
	again := thief.ask(thief.request("REGISTER", a.victim, 20, thief.contact(a.victim), proof))
	if again.status != 401 || !strings.Contains(again.header("WWW-Authenticate"), "stale=true") {
		t.Errorf("replayed at the same system: %s", again.text)
	}
	elsewhere := a.udp(a.ip(113), a.paris)
	defer elsewhere.close()
	// London is visible, so paris sends the phone home before it looks at credentials (FO1).
	if again := elsewhere.ask(elsewhere.request("REGISTER", a.victim, 20, elsewhere.contact(a.victim), proof)); again.status != 503 {
		t.Errorf("replayed at the other system: %s", again.text)
	}
	// Taken for another method, URI or user they prove nothing.
	for name, text := range map[string]string{
		"method": thief.request("SUBSCRIBE", a.victim, 21, "Event: reg", thief.contact(a.victim), proof),
		"user":   thief.request("REGISTER", "201", 22, thief.contact("201"), strings.Replace(proof, `username="`+a.victim, `username="201`, 1)),
	} {
		if got := thief.ask(text); got.status != 401 && got.status != 403 && got.status != 400 {
			t.Errorf("another %s: %s", name, got.text)
		}
	}
}

// otherMethods are what a stranger may try besides REGISTER.
func otherMethods(t *testing.T, a *arena) {
	w := a.udp(a.ip(114), a.london)
	defer w.close()
	for i := range 300 {
		for _, method := range []string{"SUBSCRIBE", "OPTIONS", "INVITE", "MESSAGE", "PUBLISH", "REFER", "CANCEL", "ACK", "BREW"} {
			w.send(w.request(method, "201", i+1, "Event: reg", w.contact("201")))
		}
		w.send(strings.Replace(w.request("BYE", "201", i+1), fmt.Sprintf("To: <sip:201@%s>", domain), fmt.Sprintf("To: <sip:201@%s>;tag=x", domain), 1))
		w.send("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " + a.london.at(5060).String() + ";branch=z9hG4bKguess\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n")
	}
	drain(w)
	for method, want := range map[string][]int{
		"SUBSCRIBE": {401}, "INVITE": {401}, "MESSAGE": {401, 405}, "PUBLISH": {401, 405}, "REFER": {401, 405}, "BREW": {405, 501},
	} {
		fresh := a.tcp(a.ip(115), a.london.at(5060))
		got := fresh.ask(fresh.request(method, "201", 1, "Event: reg", fresh.contact("201")))
		fresh.close()
		if !contains(want, got.status) {
			t.Errorf("%s of a stranger: %s", method, got.text)
		}
	}
}

func contains(list []int, n int) bool {
	for _, one := range list {
		if one == n {
			return true
		}
	}
	return false
}

// drain reads what came, for politeness to the kernel.
func drain(w *stranger) {
	buffer := make([]byte, 64<<10)
	for {
		if w.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)) != nil {
			return
		}
		if _, err := w.conn.Read(buffer); err != nil {
			return
		}
	}
}
