package media

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"roost/media/sdp"
)

// writeOffer writes a pending offer for the side that it goes to.
func (s *Session) writeOffer(p *pending) *sdp.Description {
	next, from, to := p.next, p.from, p.from.Other()
	out := &sdp.Description{Session: slices.Clone(p.doc.Session)}
	translated := false
	for j := range next.slots[to] {
		st := next.streams[next.slots[to][j].stream]
		e := &st.ends[to]
		source := p.doc.Media[st.ends[from].slot]
		alternative := e.form == two && j == e.alternativeSlot
		var m *sdp.Media
		switch {
		case !st.live || j != e.slot && !alternative:
			m = s.rejected(st, to, source)
		case next.kind == Direct:
			var changed bool
			m, changed = s.passOffer(st, source, from, alternative)
			translated = translated || changed
		default:
			m = s.relayLine(next, st, to, source)
			s.offerLine(p, st, to, j, m, alternative)
		}
		out.Media = append(out.Media, m)
	}
	if next.kind == Relayed {
		s.relaySession(next, to, out)
	} else if translated {
		dropCapNeg(&out.Session)
	}
	return out
}

// writeAnswer writes an answer for the side that offered. Its m-lines are the
// offer's, in number and order (RFC 3264 §6).
func (s *Session) writeAnswer(next *plan, doc *sdp.Description, from Side) *sdp.Description {
	to := from.Other()
	out := &sdp.Description{Session: slices.Clone(doc.Session)}
	for j, offered := range s.pending.doc.Media {
		st := next.streams[next.slots[to][j].stream]
		source := doc.Media[st.ends[from].slot]
		var m *sdp.Media
		switch {
		case !st.live || j != st.ends[to].slot:
			m = stub(offered)
		case next.kind == Direct:
			m = passAnswer(st, source, to)
		default:
			m = s.relayLine(next, st, to, source)
			s.answerLine(next, st, to, j, m)
		}
		out.Media = append(out.Media, m)
	}
	if next.kind == Relayed {
		s.relaySession(next, to, out)
	} else {
		dropCapNeg(&out.Session)
	}
	return out
}

// stub is a rejected m-line.
func stub(like *sdp.Media) *sdp.Media {
	return &sdp.Media{Kind: like.Kind, Proto: like.Proto, Formats: like.Formats[:1]}
}

// rejected is an m-line that holds its place in an offer, in words that a phone can
// read which knows no browsers.
func (s *Session) rejected(st *stream, to Side, source *sdp.Media) *sdp.Media {
	m := stub(source)
	if _, _, _, overDTLS := profile(m.Proto); overDTLS && !s.overDTLS(to, st.ends[to].view) {
		m.Proto = "RTP/AVP"
	}
	return m
}

func dropCapNeg(l *sdp.Lines) { l.Remove(func(name, _ string) bool { return sdp.IsCapNeg(name) }) }

// passOffer passes an m-line on directly, with its keys. Only how protection is
// written may change, and only where the other side is to be offered otherwise.
func (s *Session) passOffer(st *stream, source *sdp.Media, from Side, alternative bool) (m *sdp.Media, changed bool) {
	v, f := st.ends[from].view, st.ends[from.Other()].form
	m = source.Clone()
	if st.carriage != asRTP {
		return m, false
	}
	ways := s.passed(st, from)
	if f == plain && v.form == plain || f == v.form && len(ways) == len(v.others) {
		return m, false
	}
	m.Remove(func(name, _ string) bool { return name == "crypto" || sdp.IsCapNeg(name) })
	cryptos := make([]sdp.Crypto, len(ways))
	for i, w := range ways {
		cryptos[i] = w.crypto
	}
	protect(m, f, v.feedback, alternative, cryptos)
	return m, true
}

// passAnswer passes an answered m-line back directly, written as the offerer's m-line
// has to be answered.
func passAnswer(st *stream, source *sdp.Media, to Side) *sdp.Media {
	m, e := source.Clone(), &st.ends[to]
	if st.carriage != asRTP {
		return m
	}
	m.Remove(func(name, _ string) bool { return sdp.IsCapNeg(name) || name == "crypto" && !e.secure })
	proto := e.answerProto()
	if !strings.EqualFold(m.Proto, proto) {
		m.Proto = proto
	}
	if e.secure && e.way.actual != "" {
		m.Add("acfg", e.way.actual)
	}
	return m
}

// answerProto is the protocol that a party's offer is answered with.
func (e *end) answerProto() string {
	if e.secure && e.way.proto != "" {
		return e.way.proto
	}
	return e.view.proto
}

// protect writes an offered m-line's protection.
func protect(m *sdp.Media, f form, feedback, alternative bool, cryptos []sdp.Crypto) {
	suffix := ""
	if feedback {
		suffix = "F"
	}
	m.Proto = "RTP/AVP" + suffix
	switch {
	case f == plain || alternative:
		return
	case f == savp || f == two:
		m.Proto = "RTP/SAVP" + suffix
	case f == capneg:
		m.Add("tcap", "1 RTP/SAVP"+suffix)
		numbers := make([]string, len(cryptos))
		for i, c := range cryptos {
			numbers[i] = strconv.Itoa(i + 1)
			m.Add("acap", numbers[i]+" crypto:"+c.String())
		}
		m.Add("pcfg", "1 t=1 a="+strings.Join(numbers, "|"))
		return
	}
	for _, c := range cryptos {
		m.Add("crypto", c.String())
	}
}

// relaySession makes the session's part our own: what belongs to the far end's
// transport goes.
func (s *Session) relaySession(next *plan, to Side, out *sdp.Description) {
	l := &out.Session
	fromWeb := s.parties[to.Other()].Web
	l.RemoveType('k')
	l.Remove(func(name, value string) bool {
		switch name {
		case "group":
			return strings.HasPrefix(value, "BUNDLE") || fromWeb
		case "msid-semantic", "extmap-allow-mixed":
			return fromWeb
		}
		return ofTransport(name) || sdp.IsDirection(name)
	})
	addr, ok := next.local(to)
	if !ok {
		addr = netip.IPv4Unspecified()
	}
	l.Set('c', sdp.FormatConnection(addr))
	lite := false
	bundle := ""
	for j, sl := range next.slots[to] {
		st := next.streams[sl.stream]
		e := &st.ends[to]
		if !st.live || j != e.slot || e.form != dtls {
			continue
		}
		lite = lite || e.ufrag != ""
		if bundle == "" && s.bundled(to, sl.mid) {
			bundle = sl.mid
		}
	}
	if lite {
		l.Add("ice-lite", "")
	}
	if bundle != "" {
		l.Add("group", "BUNDLE "+bundle)
	}
}

// local is our address towards a side.
func (p *plan) local(to Side) (netip.Addr, bool) {
	for _, st := range p.streams {
		if st.live && st.relayed != nil {
			rtp, _ := st.relayed.stream.Local(to)
			return rtp.Addr().Unmap(), true
		}
	}
	return netip.Addr{}, false
}

// ofTransport names the attributes that speak of the far end's transport and
// protection, which end at the relay.
func ofTransport(name string) bool {
	switch name {
	case "candidate", "remote-candidates", "end-of-candidates", "ice-lite", "ice-ufrag", "ice-pwd",
		"ice-options", "ice-mismatch", "ice-pacing", "rtcp", "rtcp-mux", "rtcp-mux-only", "bundle-only",
		"fingerprint", "setup", "tls-id", "connection", "crypto", "key-mgmt", "zrtp-hash", "source-filter":
		return true
	}
	return sdp.IsCapNeg(name)
}

// relayLine makes an m-line of the far side into one of our own towards a side;
// how it is protected comes after it.
func (s *Session) relayLine(next *plan, st *stream, to Side, source *sdp.Media) *sdp.Media {
	m := source.Clone()
	rtp, rtcp := st.relayed.stream.Local(to)
	m.Port = rtp.Port()
	m.RemoveType('c')
	m.RemoveType('k')
	if addr, _ := next.local(to); addr != rtp.Addr().Unmap() {
		m.Set('c', sdp.FormatConnection(rtp.Addr().Unmap()))
	}
	e := &st.ends[to]
	if st.carriage != asRTP {
		return m // its attributes are its own, fingerprints too
	}
	far := &st.ends[to.Other()]
	web := e.form == dtls || far.form == dtls
	m.Remove(func(name, _ string) bool { return ofTransport(name) || web && ofWeb(name) })
	dir := far.view.dir
	if e.view != nil && s.pending != nil && s.pending.from == to {
		dir = st.direction(to.Other()) // an answer allows no more than its offer
	}
	direct(m, dir)
	switch {
	case e.mux:
		m.Add("rtcp-mux", "")
	case rtcp.Port() != rtp.Port()+1:
		m.Add("rtcp", strconv.Itoa(int(rtcp.Port())))
	}
	return m
}

// direct sets an m-line's direction, and leaves it where it says so already.
func direct(m *sdp.Media, dir sdp.Direction) {
	if m.Has(dir.String()) {
		return
	}
	m.Remove(func(name, _ string) bool { return sdp.IsDirection(name) })
	m.Add(dir.String(), "")
}

// offerLine protects an m-line that we offer.
func (s *Session) offerLine(p *pending, st *stream, to Side, j int, m *sdp.Media, alternative bool) {
	e := &st.ends[to]
	switch {
	case st.carriage != asRTP:
	case e.form == dtls:
		m.Proto = "UDP/TLS/RTP/SAVPF"
		sl := &p.next.slots[to][j]
		if sl.mid == "" {
			sl.mid = strconv.Itoa(j)
		}
		s.webLine(st, to, sl.mid, "actpass", m)
	default:
		far := st.ends[to.Other()]
		feedback := far.form != dtls && far.view.feedback && p.level < retryPlain || e.view != nil && e.view.feedback
		if !feedback {
			m.Remove(func(name, _ string) bool { return name == "rtcp-fb" })
		}
		cryptos := make([]sdp.Crypto, len(e.keys))
		for i, k := range e.keys {
			cryptos[i] = k.crypto(i + 1)
		}
		protect(m, e.form, feedback, alternative, cryptos)
	}
}

// answerLine protects an m-line that we answer.
func (s *Session) answerLine(next *plan, st *stream, to Side, j int, m *sdp.Media) {
	e := &st.ends[to]
	m.Proto = e.answerProto()
	switch {
	case st.carriage != asRTP || !e.secure:
	case e.form == dtls:
		setup := "passive"
		if e.client {
			setup = "active"
		}
		s.webLine(st, to, next.slots[to][j].mid, setup, m)
	default:
		m.Add("crypto", e.protect.crypto(e.way.crypto.Tag).String())
		if e.way.actual != "" {
			m.Add("acfg", e.way.actual)
		}
	}
}
