package call

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"roost/registrar"
)

// TestStories plays the transcripts in testdata/calls. Each reads like an engineer's log:
// lines that begin with a time are what the far ends do, the answer is what the
// call does. `go test -run TestStories -rewrite` regenerates them; read the diff.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/calls", func(t *testing.T, path string) {
		s := &story{}
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			s.t, s.td = t, td
			return s.command()
		})
		if s.desk != nil {
			s.checkOver()
		}
	})
}

var storyStart = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

type story struct {
	*desk
	t      *testing.T
	td     *datadriven.TestData
	out    strings.Builder
	lastID uint32
	// refuse are the legs that media will refuse the next body to.
	refuse map[string]Cause
}

func (s *story) command() string {
	s.out.Reset()
	switch s.td.Cmd {
	case "book":
		s.desk = newDesk(s.t, storyStart)
		s.refuse = map[string]Cause{}
		s.said = func(text string) { fmt.Fprintf(&s.out, "%s %s\n", s.now.Format("15:04:05"), text) }
		s.find = func(d DialogID) LegID {
			if l := s.named(d.CallID); l != nil {
				return l.id
			}
			return 0
		}
		s.refuseMedia = func(e Do) (Cause, bool) {
			cause, no := s.refuse[s.name(e.Leg)]
			delete(s.refuse, s.name(e.Leg))
			return cause, no
		}
		for line := range strings.Lines(s.td.Input) {
			s.router.write(line)
		}
		for _, a := range s.td.CmdArgs {
			s.limit(a.Key, a.Vals)
		}
	case "run":
		for line := range strings.Lines(s.td.Input) {
			s.line(strings.TrimSpace(line))
		}
	case "view":
		s.view()
	default:
		s.td.Fatalf(s.t, "unknown directive %s", s.td.Cmd)
	}
	if s.out.Len() == 0 {
		return "(nothing)\n"
	}
	return s.out.String()
}

func (s *story) limit(key string, vals []string) {
	n, _ := strconv.Atoi(vals[0])
	switch key {
	case "branches":
		s.limits.Branches = n
	case "tries":
		s.limits.Tries = n
	default:
		s.td.Fatalf(s.t, "unknown limit %s", key)
	}
}

func (s *story) view() {
	for _, c := range s.calls {
		v := c.View()
		fmt.Fprintf(&s.out, "%s %s, from %s to %s, stable %v", v.ID, v.State, partyWords(v.From), partyWords(v.To), v.Stable())
		for _, l := range v.HeldBy {
			fmt.Fprintf(&s.out, ", held by %s", s.name(l))
		}
		s.out.WriteString("\n")
		for _, l := range v.Legs {
			fmt.Fprintf(&s.out, "  %s %s since %s\n", s.name(l.ID), l.State, l.Since.Format("15:04:05"))
		}
	}
}

// line is one thing that happens: a time, who, what.
func (s *story) line(text string) {
	if text == "" || strings.HasPrefix(text, "#") {
		return
	}
	at, rest, _ := strings.Cut(text, " ")
	when, err := time.Parse("15:04:05", at)
	if err != nil {
		s.td.Fatalf(s.t, "%q: %v", text, err)
	}
	s.run(storyStart.Truncate(24 * time.Hour).Add(when.Sub(when.Truncate(24 * time.Hour))))
	rest = strings.TrimSpace(rest)
	fmt.Fprintf(&s.out, "%s %s\n", at, rest)
	w := strings.Fields(rest)
	switch {
	case rest == "the end":
		return
	case w[0] == "media" && w[1] == "will":
		// media will refuse LEG STATUS
		s.refuse[w[3]] = s.cause(w[4:])
	case w[0] == "media" && w[5] == "will":
		// media of A and B will not do
		s.step(s.leg(w[2]).call, Reoffer{A: s.leg(w[2]).id, B: s.leg(w[4]).id, Why: "phone b is behind NAT"})
	case w[0] == "media":
		// media of A and B is silent
		s.step(s.leg(w[2]).call, MediaSilent{A: s.leg(w[2]).id, B: s.leg(w[4]).id})
	case w[0] == "operator":
		s.step(s.leg(w[2]).call, HangUp{Cause: Cause{Phrase: "ended by the operator"}})
	case w[0] == "book":
		s.router.write(strings.Join(w[1:], " "))
	default:
		s.what(w[0], w[1], w[2:])
	}
}

func (s *story) leg(name string) *deskLeg {
	l := s.named(name)
	if l == nil {
		s.td.Fatalf(s.t, "no leg %s", name)
	}
	return l
}

func (s *story) cause(w []string) Cause {
	if len(w) == 0 {
		return Cause{}
	}
	n, err := strconv.Atoi(w[0])
	if err != nil {
		return Cause{Phrase: strings.Join(w, " ")}
	}
	return Cause{Status: n, Phrase: strings.Join(w[1:], " ")}
}

// body is "a1" or "a1 sendonly"; none at all is an empty one.
func (s *story) body(w []string) Body {
	if len(w) == 0 {
		return Body{}
	}
	b := Body{Type: "application/sdp", Data: []byte(w[0])}
	if len(w) > 1 {
		b.Direction = map[string]Direction{"sendrecv": SendRecv, "sendonly": SendOnly, "recvonly": RecvOnly, "inactive": Inactive}[w[1]]
	}
	return b
}

// asked is the ID of the question to a leg that is longest without answer.
func asked(open map[uint32]bool) (id uint32) {
	for n := range open {
		if id == 0 || n < id {
			id = n
		}
	}
	return id
}

// what takes in what a far end does.
func (s *story) what(who, verb string, w []string) {
	if verb == "calls" || verb == "replaces" {
		s.invites(who, verb, w)
		return
	}
	l := s.leg(who)
	s.lastID++
	switch verb {
	case "rings": // rings 180 [BODY]
		n, _ := strconv.Atoi(w[0])
		s.tell(Ringing{Leg: l.id, Status: n, Body: s.body(w[1:])})
	case "answers":
		s.tell(Answered{Leg: l.id, Body: s.body(w)})
	case "acks":
		s.tell(Connected{Leg: l.id, Body: s.body(w)})
	case "refuses":
		s.tell(Refused{Leg: l.id, Cause: s.cause(w)})
	case "redirects": // redirects 302 URI URI
		n, _ := strconv.Atoi(w[0])
		s.tell(Refused{Leg: l.id, Cause: Cause{Status: n, Contacts: w[1:]}})
	case "cancels":
		s.tell(Cancelled{Leg: l.id})
	case "ends":
		s.tell(Ended{Leg: l.id, Cause: s.cause(w)})
	case "offers":
		s.tell(Offered{Leg: l.id, ID: s.lastID, Body: s.body(w)})
	case "agrees":
		s.tell(Agreed{Leg: l.id, ID: asked(l.asked), Body: s.body(w)})
	case "disagrees":
		s.tell(Agreed{Leg: l.id, ID: asked(l.asked), Cause: s.cause(w)})
	case "refers": // refers NUMBER [replacing LEG]
		ev := Referred{Leg: l.id, ID: s.lastID, To: w[0]}
		if len(w) > 2 {
			ev.Replaces = &DialogID{CallID: w[2]}
		}
		s.tell(ev)
	case "sends": // sends INFO TEXT
		s.tell(Told{Leg: l.id, ID: s.lastID, Method: w[0], Body: Body{Type: "text/plain", Data: []byte(w[1])}})
	case "replies":
		n, _ := strconv.Atoi(w[0])
		s.tell(ToldReply{Leg: l.id, ID: asked(l.tells), Status: n})
	default:
		s.td.Fatalf(s.t, "%s %s what?", who, verb)
	}
}

// invites: WHO calls NUMBER [offer BODY] [guest] [trunk=T|system=S] [hops=N]
// [diverted=N] [mark=M], or WHO replaces LEG [offer BODY] [guest] [early].
func (s *story) invites(who, verb string, w []string) {
	number, _, _ := strings.Cut(who, "/")
	ev := Invited{Peer: Phone, From: Party{Number: registrar.Number(number), Name: "User " + number}, To: w[0], Hops: 70}
	for i := 1; i < len(w); i++ {
		key, value, _ := strings.Cut(w[i], "=")
		switch key {
		case "offer":
			ev.Offer = s.body(w[i+1 : i+2])
			i++
		case "guest":
			ev.Guest, ev.Home = true, "paris"
		case "trunk":
			ev.Peer, ev.PeerName = Trunk, value
		case "system":
			ev.Peer, ev.PeerName = System, value
		case "hops":
			ev.Hops, _ = strconv.Atoi(value)
		case "diverted":
			ev.Diverted, _ = strconv.Atoi(value)
		case "mark":
			ev.Visited = append(ev.Visited, value)
		case "early":
			ev.Early = true
		case "replacing":
			ev.Replaces = &DialogID{CallID: value}
		default:
			s.td.Fatalf(s.t, "%s %s what?", who, w[i])
		}
	}
	if verb == "calls" {
		s.invite(who, ev)
		return
	}
	s.takePlace(who, s.leg(w[0]), ev)
}
