package media

import (
	"fmt"
	"slices"
	"strings"

	"roost/media/sdp"
)

// webLine adds our DTLS fingerprint, and ICE-lite credentials and candidates
// (RFC 8839), to an m-line.
func (s *Session) webLine(st *stream, to Side, mid, setup string, m *sdp.Media) {
	e := &st.ends[to]
	if mid != "" {
		m.Add("mid", mid)
	}
	m.Add("fingerprint", sdp.FormatFingerprint(s.cfg.Fingerprint))
	m.Add("setup", setup)
	if e.ufrag == "" {
		return
	}
	m.Add("ice-ufrag", e.ufrag)
	m.Add("ice-pwd", e.pwd)
	rtp, rtcp := st.relayed.stream.Local(to)
	// The priorities are those of RFC 8445 §5.1.2 for the one host candidate.
	m.Add("candidate", fmt.Sprintf("1 1 UDP 2130706431 %s %d typ host", rtp.Addr().Unmap(), rtp.Port()))
	if !e.mux {
		m.Add("candidate", fmt.Sprintf("1 2 UDP 2130706430 %s %d typ host", rtcp.Addr().Unmap(), rtcp.Port()))
	}
	m.Add("end-of-candidates", "")
}

// bundled tells that an m-line may stand in a bundle: in an offer of ours always, in
// an answer where the offer had it so (RFC 9143 §7.3). Never more than one is.
func (s *Session) bundled(to Side, mid string) bool {
	p := s.pending
	if p == nil || p.from != to {
		return mid != ""
	}
	for value := range p.doc.Session.Attrs("group") {
		f := strings.Fields(value)
		if len(f) > 1 && f[0] == "BUNDLE" && slices.Contains(f[1:], mid) {
			return true
		}
	}
	return false
}

// ofWeb names what only browsers make of an m-line.
func ofWeb(name string) bool {
	switch name {
	case "extmap", "extmap-allow-mixed", "msid", "ssrc", "ssrc-group", "rtcp-fb", "rtcp-rsize", "mid":
		return true
	}
	return false
}
