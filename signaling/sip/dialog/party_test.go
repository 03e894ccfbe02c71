package dialog

import (
	"strings"
	"testing"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

func TestRFC3325_WhoIsBelieved(t *testing.T) {
	const pai = `"Boss" <sip:900@b.example.test>`
	for _, c := range []struct {
		name string
		in   Incoming
		e    edit
		want call.Party
	}{
		{"a phone is who it proved to be", Incoming{}, edit{"P-Asserted-Identity": pai},
			call.Party{Number: "201", Name: "Far End"}},
		{"a phone may hide", Incoming{}, edit{"Privacy": "id"},
			call.Party{Number: "201", Name: "Far End", Private: true}},
		{"a system asserts", Incoming{Peer: call.System, PeerName: "b"}, edit{"P-Asserted-Identity": pai},
			call.Party{Number: "900", Name: "Boss"}},
		{"and hides", Incoming{Peer: call.System}, edit{"P-Asserted-Identity": pai, "Privacy": "none;id"},
			call.Party{Number: "900", Name: "Boss", Private: true}},
		{"a trunk's older header", Incoming{Peer: call.Trunk}, edit{"Remote-Party-ID": `<sip:+4412@c.test>;party=calling;privacy=full`},
			call.Party{Number: "+4412", Private: true}},
		{"a trunk's tel URI", Incoming{Peer: call.Trunk}, edit{"P-Asserted-Identity": "<tel:+4413>"},
			call.Party{Number: "+4413"}},
		{"a trunk that says nothing", Incoming{Peer: call.Trunk}, nil,
			call.Party{Number: "201", Name: "Far End"}},
	} {
		s := newScript(t)
		e := edit{"body": sdpFar}
		for k, v := range c.e {
			e[k] = v
		}
		s.invited(c.in, e)
		if ev := heard[call.Invited](s); ev.From != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, ev.From, c.want)
		}
	}
}

func TestRFC3323_WhoIsShownToWhom(t *testing.T) {
	hidden := call.Party{Number: "202", Name: "Caller", Private: true}
	s := dialled(t, Outgoing{}, call.Dial{From: hidden, To: "201", Offer: ours(sdpOurs)})
	if raw := s.invite; strings.Contains(raw.URI+text(raw.Fields), "202") || raw.Has(message.HPAssertedIdentity) {
		t.Errorf("a phone is told a private number: %+v", raw.Fields)
	}
	header(t, s.invite, message.HPrivacy, "id")
	if s.invite.From.URI.Host != "anonymous.invalid" {
		t.Errorf("From %+v", s.invite.From)
	}
	s = dialled(t, Outgoing{Peer: call.System, URI: "sip:201@b.test"}, call.Dial{From: hidden, To: "201", Offer: ours(sdpOurs)})
	header(t, s.invite, message.HPAssertedIdentity, `"Caller" <sip:202@example.test>`)
	header(t, s.invite, message.HPrivacy, "id")

	s = dialled(t, Outgoing{}, call.Dial{From: call.Party{Number: "20 2", Name: "A\"\r\nEvil: 1"}, To: "201", Offer: ours(sdpOurs)})
	header(t, s.invite, message.HPAssertedIdentity, `"A\"Evil: 1" <sip:20%202@example.test>`)
	header(t, s.invite, message.HRemotePartyID, `"A\"Evil: 1" <sip:20%202@example.test>;party=calling;screen=yes;privacy=off`)
}

func TestRFC5806_DiversionsAndLoopMarks(t *testing.T) {
	s := dialled(t, Outgoing{Peer: call.System, URI: "sip:201@b.test"}, call.Dial{
		To: "201", Hops: 17, Visited: []string{"a/1", "b/2"}, Diverted: []string{"203", "204"}, AutoAnswer: true,
		Offer: ours(sdpOurs),
	})
	var d, v []string
	for x := range s.invite.List(message.HDiversion) {
		d = append(d, x)
	}
	for x := range s.invite.List(message.HVisited) {
		v = append(v, x)
	}
	if strings.Join(d, " ") != "<sip:203@example.test>;reason=unknown <sip:204@example.test>;reason=unknown" ||
		strings.Join(v, " ") != "a/1 b/2" || s.invite.MaxForwards != 17 {
		t.Errorf("%v %v %d", d, v, s.invite.MaxForwards)
	}
	if all := text(s.invite.Fields); !strings.Contains(all, "answer-after=0") || !strings.Contains(all, "alert-autoanswer") {
		t.Error("does not ask to answer by itself")
	}

	in := newScript(t)
	in.invited(Incoming{Peer: call.System}, edit{
		"body": sdpFar, "hops": "5", "X-Roost-Visited": "a/1, b/2", "Diversion": "<sip:1@x>, <sip:2@x>",
		"History-Info": "<sip:1@x>;index=1, <sip:2@x>;index=1.1",
	})
	if ev := heard[call.Invited](in); ev.Hops != 4 || strings.Join(ev.Visited, " ") != "a/1 b/2" || ev.Diverted != 2 {
		t.Errorf("%+v", ev)
	}
	in = newScript(t)
	in.invited(Incoming{}, edit{"body": sdpFar, "X-Roost-Visited": "a/1"})
	if ev := heard[call.Invited](in); len(ev.Visited) != 0 {
		t.Error("a phone's loop marks are believed")
	}
}

func TestRFC3326_ReasonsOfTheFarEnd(t *testing.T) {
	for value, want := range map[string]call.Cause{
		"":                                  {},
		"Q.850;cause=16;text=\"Normal\"":    {},
		"Q.850;cause=17;text=\"User busy\"": {Status: 486, Phrase: "User busy"},
		"SIP;cause=503;text=\"gone\",Q.850;cause=16": {Status: 503, Phrase: "gone"},
		"SIP;cause=200;text=\"elsewhere\"":           {},
		"SIP;cause=nonsense":                         {},
	} {
		s := talking(t, nil)
		s.hand(s.request("BYE", edit{"Reason": value}))
		s.next("200 BYE")
		got := heard[call.Ended](s).Cause
		if got.Status != want.Status || got.Phrase != want.Phrase {
			t.Errorf("%q: %+v, want %+v", value, got, want)
		}
	}
}
