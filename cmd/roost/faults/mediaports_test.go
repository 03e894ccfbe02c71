package faults

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"roost/cmd/roost/console/api"
)

// With ports for two calls the third is refused clearly, an alarm says why, the two go on,
// and when one has hung up and its ports have rested there is room again.
func TestMediaPorts_RunOutAndComeBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	numbers := []string{"201", "202", "203", "204", "261", "262"}
	london := s.start("london", settings{numbers: numbers, top: "media: {direct: false, ports: 30000-30007}\n"})
	talk := s.talkers("london", [4]string{"201", "202", "203", "204"})
	ann := s.desk("261", s.ip(60), london)
	// 202 refused RTP before it took SRTP, and the ports of that try rest.
	london.until("half of the ports are free", func(st api.Status) bool { return st.Calls.PortsUsed == 2 && st.Calls.PortsResting == 0 })
	second := ann.call("203", ann.offer())
	london.until("alarm media-ports", func(st api.Status) bool {
		return alarm(st, "media-ports", "4 of 4 pairs", "widen media.ports") && st.Calls.PortsUsed == 4
	})
	for range 3 {
		if m := ann.refused("204", ann.offer()); m.status != 503 {
			t.Errorf("a call without ports: %s", m.text)
		}
	}
	st := london.status()
	if st.Counters["media_refused"] < 3 || st.Counters["calls_media_refused"] < 3 || st.Calls.Standing != 2 {
		t.Errorf("after the refusals: %s\nmedia_refused %v", brief(st), st.Counters["media_refused"])
	}
	london.logs("a session description was refused.*ports")
	second.hangUp()
	if m := ann.refused("204", ann.offer()); m.status != 503 {
		t.Errorf("a call to ports that rest: %s", m.text)
	}
	london.until("there are ports again", func(st api.Status) bool { return st.Calls.PortsUsed == 2 && st.Calls.PortsResting == 0 })
	talk.goOn(t)
	london.until("no alarm", func(st api.Status) bool { return !alarm(st, "media-ports") })
	if panics := london.status().Counters["calls_panics"]; panics > 0 {
		t.Errorf("%v panics", panics)
	}
}

// outsideAddress is an address of this machine that is not loopback's.
func outsideAddress(t *testing.T) netip.Addr {
	t.Helper()
	for _, one := range interfaceAddresses(t) {
		if one.Is4() && one.IsGlobalUnicast() {
			return one
		}
	}
	return netip.Addr{}
}

// A phone that is not on this machine cannot have media sent to loopback: whatever listens
// there trusts its own host.
func TestLoopbackOfferedFromOutside(t *testing.T) {
	t.Parallel()
	from := outsideAddress(t)
	if !from.IsValid() {
		t.Skip("this machine has no IPv4 address but loopback's, from which a phone could be outside")
	}
	s := newSite(t)
	// A system on loopback believes loopback, so this one says that it is outside.
	set := settings{numbers: []string{"201", "202"}, notLab: true, address: from, rules: "failover_delay: 180s",
		sip: fmt.Sprintf("  listen: [\"udp:%s\"]\n", s.at(11, 5060))}
	london := s.start("london", set)
	outside, inside := s.desk("201", from, london), s.desk("202", s.ip(61), london)
	for name, body := range map[string]string{
		"loopback":      sdp("127.0.0.1", 4000, "RTP/AVP"),
		"loopback RTCP": outside.offer("a=rtcp:4001 IN IP4 127.0.0.1"),
	} {
		if m := outside.refused("202", body); m.status != 488 || !strings.Contains(m.header("Warning")+m.header("Reason"), "refused") {
			t.Errorf("%s offered from %s: %s", name, from, m.text)
		}
	}
	if n := london.status().Counters["calls_media_refused"]; n != 2 {
		t.Errorf("%v are counted", n)
	}
	london.logs("is loopback, but its party is not on this machine")
	// A phone on this machine may say so.
	r := inside.invitation("201", sdp("127.0.0.1", 4000, "RTP/AVP"))
	r.more = append(r.more, inside.proof("INVITE", r.uri))
	inside.send(inside.write(r))
	outside.rings()
}
