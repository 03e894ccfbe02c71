package phone

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"roost/cmd/roost/lab/phone/rtp"
)

const (
	typePCMU    = 0
	typeEvents  = 101
	contentSDP  = "application/sdp"
	protoPlain  = "RTP/AVP"
	protoSecure = "RTP/SAVP"
)

// terms are what one call's media is by its offers and answers, from the phone's
// side.
type terms struct {
	habits  *Habits
	local   netip.AddrPort
	session uint64 // of the o= line
	version int
	held    bool // by this phone
	keys    map[rtp.Suite][]byte
	random  func([]byte)

	agreed bool
	proto  string    // agreed
	suite  rtp.Suite // agreed, empty for none
	remote mediaLine // the far end's, of the last offer or answer
	open   *rtp.Key  // of what comes
}

// direction is what the phone wants for itself.
func (t *terms) direction() string {
	if t.held {
		return "sendonly"
	}
	return "sendrecv"
}

func (t *terms) key(suite rtp.Suite) []byte {
	if t.keys[suite] == nil {
		master, salt := suite.Sizes()
		t.keys[suite] = make([]byte, master+salt)
		t.random(t.keys[suite])
	}
	return t.keys[suite]
}

// crypto are the lines of an offer.
func (t *terms) crypto() []cryptoLine {
	var lines []cryptoLine
	suites := t.habits.suites()
	if t.agreed && t.suite != "" {
		suites = []rtp.Suite{t.suite}
	}
	for i, suite := range suites {
		lines = append(lines, cryptoLine{strconv.Itoa(i + 1), suite, t.key(suite)})
	}
	return lines
}

// offer describes what the phone wants. Once SRTP was agreed it is offered as it
// was agreed.
func (t *terms) offer() []byte {
	proto, capneg := protoPlain, false
	lines := t.crypto()
	switch {
	case t.agreed && t.suite != "":
		proto = t.proto
	case t.habits.SRTP == EnforcedSRTP:
		proto = protoSecure
	case t.habits.SRTP == CapNegSRTP:
		capneg = true
	case t.habits.SRTP != OptionalSRTP:
		lines = nil
	}
	var b strings.Builder
	t.begin(&b)
	t.audio(&b, proto, t.direction(), typeEvents)
	if capneg {
		b.WriteString("a=tcap:1 RTP/SAVP\r\n")
		var numbers []string
		for i, line := range lines {
			fmt.Fprintf(&b, "a=acap:%d %s\r\n", i+1, line)
			numbers = append(numbers, strconv.Itoa(i+1))
		}
		fmt.Fprintf(&b, "a=pcfg:1 t=1 a=%s\r\n", strings.Join(numbers, "|"))
	} else {
		for _, line := range lines {
			fmt.Fprintf(&b, "a=%s\r\n", line)
		}
	}
	return []byte(b.String())
}

// begin writes a description's head.
func (t *terms) begin(b *strings.Builder) {
	t.version++
	family := "IP4"
	if t.local.Addr().Is6() {
		family = "IP6"
	}
	fmt.Fprintf(b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		t.session, t.version, family, t.local.Addr(), family, t.local.Addr())
}

func (t *terms) audio(b *strings.Builder, proto, direction string, events uint8) {
	formats := strconv.Itoa(typePCMU)
	if events != 0 {
		formats += " " + strconv.Itoa(int(events))
	}
	fmt.Fprintf(b, "m=audio %d %s %s\r\na=rtpmap:%d PCMU/8000\r\n", t.local.Port(), proto, formats, typePCMU)
	if events != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", events, events)
	}
	fmt.Fprintf(b, "a=ptime:20\r\na=%s\r\n", direction)
}

// choice is how the phone takes one m-line of an offer.
type choice struct {
	line   int
	proto  string
	crypto *cryptoLine // nil for plain RTP
	acfg   string
}

// choose takes the best m-line that the phone's habits allow.
func (t *terms) choose(s *session) (choice, error) {
	best, rank := choice{}, 0
	for i := range s.media {
		m := &s.media[i]
		if m.kind != "audio" || m.port == 0 || !slices.Contains(m.formats, strconv.Itoa(typePCMU)) {
			continue
		}
		if c, r := t.judge(i, m); r > rank {
			best, rank = c, r
		}
	}
	if rank == 0 {
		return best, fmt.Errorf("%w: nothing in the offer that a phone with SRTP %q can do", errSDP, t.habits.SRTP)
	}
	return best, nil
}

// judge ranks an m-line: 0 for not at all, above that the more secure the better.
func (t *terms) judge(i int, m *mediaLine) (choice, int) {
	srtp := t.habits.SRTP
	if srtp == "" {
		srtp = NoSRTP
	}
	plain := choice{line: i, proto: protoPlain}
	crypto, capable := t.pick(m.crypto), t.pick(m.capable)
	switch {
	case m.proto == protoSecure && srtp != NoSRTP && crypto != nil:
		return choice{line: i, proto: protoSecure, crypto: crypto}, 3
	case m.proto != protoPlain:
		return plain, 0
	case srtp != NoSRTP && srtp != OptionalSRTP && capable != nil:
		return choice{line: i, proto: protoSecure, crypto: capable, acfg: m.pcfg + " t=1 a=" + m.rawAcap}, 3
	case srtp == EnforcedSRTP:
		return plain, 0
	case srtp != NoSRTP && crypto != nil:
		return choice{line: i, proto: protoPlain, crypto: crypto}, 2
	}
	return plain, 1
}

// pick is the first crypto line with a suite that the phone has.
func (t *terms) pick(lines []cryptoLine) *cryptoLine {
	for i := range lines {
		if slices.Contains(t.habits.suites(), lines[i].suite) {
			return &lines[i]
		}
	}
	return nil
}

// answer takes an offer and describes the phone's side.
func (t *terms) answer(offer []byte) ([]byte, error) {
	s, err := parseSDP(offer)
	if err != nil {
		return nil, err
	}
	chosen, err := t.choose(s)
	if err != nil {
		return nil, err
	}
	m := s.media[chosen.line]
	t.agreed, t.proto, t.remote = true, chosen.proto, m
	t.suite, t.open = "", nil
	if chosen.crypto != nil {
		t.suite = chosen.crypto.suite
		t.open = &rtp.Key{Suite: t.suite, Master: chosen.crypto.key}
	}
	var b strings.Builder
	t.begin(&b)
	for i := range s.media {
		if i != chosen.line {
			fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", s.media[i].kind, s.media[i].proto, s.media[i].formats[0])
			continue
		}
		t.audio(&b, chosen.proto, mirrored(m.direction, t.direction()), m.events)
		if chosen.crypto != nil {
			fmt.Fprintf(&b, "a=%s\r\n", cryptoLine{chosen.crypto.tag, t.suite, t.key(t.suite)})
		}
		if chosen.acfg != "" {
			fmt.Fprintf(&b, "a=acfg:%s\r\n", chosen.acfg)
		}
	}
	return []byte(b.String()), nil
}

// mirrored is the direction of an answer (RFC 3264 6.1).
func mirrored(offered, wanted string) string {
	send := (offered == "sendrecv" || offered == "recvonly") && wanted != "recvonly" && wanted != "inactive"
	receive := (offered == "sendrecv" || offered == "sendonly") && wanted != "sendonly" && wanted != "inactive"
	switch {
	case send && receive:
		return "sendrecv"
	case send:
		return "sendonly"
	case receive:
		return "recvonly"
	}
	return "inactive"
}

// accept takes the answer to the phone's offer.
func (t *terms) accept(answer []byte) error {
	s, err := parseSDP(answer)
	if err != nil {
		return err
	}
	if len(s.media) == 0 || s.media[0].kind != "audio" || s.media[0].port == 0 {
		return fmt.Errorf("%w: the answer refuses the voice", errSDP)
	}
	m := s.media[0]
	secure := m.proto == protoSecure
	chosen := t.pick(m.crypto)
	switch {
	case m.proto != protoPlain && !secure:
		return fmt.Errorf("%w: %s in the answer", errSDP, m.proto)
	case secure && chosen == nil:
		return fmt.Errorf("%w: RTP/SAVP without a key in the answer", errSDP)
	case !secure && t.habits.SRTP == EnforcedSRTP:
		return fmt.Errorf("%w: RTP/AVP in the answer, RTP/SAVP was offered", errSDP)
	case chosen != nil && (t.habits.SRTP == NoSRTP || t.habits.SRTP == ""):
		return fmt.Errorf("%w: a key in the answer, none was offered", errSDP)
	}
	t.agreed, t.proto, t.remote, t.suite, t.open = true, m.proto, m, "", nil
	if chosen != nil {
		t.suite, t.open = chosen.suite, &rtp.Key{Suite: chosen.suite, Master: chosen.key}
	}
	return nil
}

// config is what the terms mean for the media; listening says whether the call is
// as far as that a voice is expected.
func (t *terms) config(listening bool) rtp.Config {
	if !t.agreed {
		return rtp.Config{}
	}
	to := t.remote.address
	silent := !to.IsValid() || to.IsUnspecified() // RFC 3264 8.4's old way of hold
	mine := mirrored(t.remote.direction, t.direction())
	c := rtp.Config{
		Payload: typePCMU, Events: t.remote.events, Open: t.open,
		Send:    (mine == "sendrecv" || mine == "sendonly") && !silent,
		Receive: (mine == "sendrecv" || mine == "recvonly") && listening,
	}
	if !silent {
		c.Remote = netip.AddrPortFrom(to, t.remote.port)
	}
	if t.suite != "" {
		c.Seal = &rtp.Key{Suite: t.suite, Master: t.key(t.suite)}
	}
	return c
}

// heldThere says whether the far end holds the call.
func (t *terms) heldThere() bool {
	return t.agreed && (t.remote.direction == "sendonly" || t.remote.direction == "inactive" || t.remote.address.IsUnspecified())
}
