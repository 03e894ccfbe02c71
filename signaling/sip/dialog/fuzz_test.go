package dialog

import (
	"bytes"
	"testing"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// FuzzReceive hands a leg whatever can be parsed, within its dialog or not, with
// actions and time between: it must not panic, must answer with well-formed messages
// only, must stay within its bounds, and must end once it is told to.
func FuzzReceive(f *testing.F) {
	seed := newScript(f)
	seed.ourTag = "OURTAG"
	for _, method := range []string{"INVITE", "UPDATE", "BYE", "INFO", "REFER", "PRACK", "SUBSCRIBE", "ACK", "CANCEL"} {
		for _, e := range []edit{
			{"body": sdpHold}, {"Refer-To": "<sip:300@example.test?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>"},
			{"RAck": "1 1 INVITE", "Event": "refer", "Session-Expires": "10;refresher=uac", "Supported": "timer"},
		} {
			f.Add([]byte(seed.request(method, e)), uint8(len(method)))
		}
	}
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=BRANCH\r\nFrom: <sip:x@y>;tag=OURTAG\r\n"+
		"To: <sip:201@z>;tag=far\r\nCall-ID: call-1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n"), uint8(2))
	f.Fuzz(func(t *testing.T, raw []byte, how uint8) {
		var s *script
		switch how % 4 {
		case 0:
			s = talking(t, nil)
		case 1:
			s = called(t, nil)
		case 2:
			s = dialled(t, Outgoing{}, call.Dial{Offer: ours(sdpOurs)})
			raw = bytes.ReplaceAll(raw, []byte("BRANCH"), []byte(s.invite.Via.Branch()))
			raw = bytes.ReplaceAll(raw, []byte("call-1"), []byte(s.callID))
		default:
			s = newScript(t)
			s.invited(Incoming{}, edit{"body": sdpFar, "Supported": "100rel"})
			s.do(call.Ring{Status: 183, Body: ours(sdpOurs)})
		}
		raw = bytes.ReplaceAll(raw, []byte("OURTAG"), []byte(s.ourTag))
		var m message.Message
		if m.Parse(raw, message.Limits{}, true) != nil {
			return
		}
		for range 3 {
			var fx Effects
			s.leg.Receive(&m, s.arrival(), s.now, &fx)
			s.took(&fx)
			for _, ev := range s.events {
				switch ev := ev.(type) {
				case call.Offered:
					s.do(call.Reply{ID: ev.ID, Body: ours(sdpHeld)})
				case call.Referred:
					s.do(call.ReferReply{ID: ev.ID})
				}
			}
			s.events = nil
			s.pass(time.Second)
			m.CSeq++
		}
		if n := len(s.leg.servers) + len(s.leg.clients) + len(s.leg.subs); n > 2*maxServers+maxClients+maxSubs {
			t.Fatalf("%d things are kept", n)
		}
		s.do(call.End{})
		s.pass(10 * time.Minute)
		if !s.leg.Over() {
			t.Fatalf("the leg never ends: state %d", s.leg.state)
		}
	})
}
