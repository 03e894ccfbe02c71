package call

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestProperty_AnyOrder lets far ends do anything that a leg may tell, in any order,
// together with refusing media, ticks, transfers between calls, and nonsense. desk
// checks each effect: nothing is asked of a leg that is over, each Offered, Referred
// and Told has exactly one answer, sessions and Busy/Free (FB2) are balanced, each
// call leaves one record and no answered leg.
func TestProperty_AnyOrder(t *testing.T) {
	for range 10 { // rapid's hundred are few for so many kinds of event
		rapid.Check(t, func(t *rapid.T) { newChaos(t).play() })
	}
}

// TestSoak_AnyOrder is the same for as long as ROOST_SOAK says.
func TestSoak_AnyOrder(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("ROOST_SOAK"))
	if err != nil {
		t.Skip("runs for ROOST_SOAK=30m, by make soak")
	}
	for end := time.Now().Add(span); time.Now().Before(end) && !t.Failed(); {
		rapid.Check(t, func(t *rapid.T) { newChaos(t).play() })
	}
}

type chaos struct {
	*desk
	t      *rapid.T
	lastID uint32
	log    strings.Builder
	queue  []func()
}

const chaosBook = `206
201 phones=3 busy=202 noanswer=203 ring=20s
202 phones=2 always=204
203 noanswer=201
204 guest busy=300
205 dnd busy=203
300 group=all members=201,203,500,205
301 group=order members=203,204,300 overflow=202
302 group=idle members=203,201,204
500 system=paris
600 system=paris,rome
0* trunks=t1,t2
112 emergency=t1,t2`

func newChaos(t *rapid.T) *chaos {
	c := &chaos{desk: newDesk(t, storyStart), t: t}
	for line := range strings.Lines(chaosBook) {
		c.router.write(line)
	}
	c.said = func(s string) { fmt.Fprintf(&c.log, "%s %s\n", c.now.Format("15:04:05"), s) }
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.log.String())
		}
	})
	rate := rapid.IntRange(0, 10).Draw(t, "media refuses of 40")
	c.refuseMedia = func(Do) (Cause, bool) {
		if rapid.IntRange(1, 40).Draw(t, "media") > rate {
			return Cause{}, false
		}
		return Cause{Status: 488}, true
	}
	c.later = &c.queue
	c.find = func(DialogID) LegID { return c.any().id }
	return c
}

func (c *chaos) play() {
	for range rapid.IntRange(0, 3).Draw(c.t, "connected calls") {
		c.connectedCall()
	}
	c.newCall()
	for range rapid.IntRange(1, 80).Draw(c.t, "steps") {
		switch n := rapid.IntRange(0, 39).Draw(c.t, "step"); {
		case n < 2 && len(c.calls) < 4:
			c.newCall()
		case n == 2:
			for len(c.queue) > 0 { // it never takes so long
				c.next()
			}
			c.run(c.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(c.t, "seconds")) * time.Second))
		case n == 3:
			l := c.any()
			c.say("%s is to be replaced", l.name)
			if !l.call.given {
				c.takePlace("r"+l.name, l, Invited{Peer: Phone, From: Party{Number: "207"}, To: "201", Offer: c.body(), Guest: rapid.Bool().Draw(c.t, "guest")})
			}
		case n == 4 && rapid.IntRange(0, 5).Draw(c.t, "rarely") == 0:
			c.step(c.any().call, HangUp{Cause: Cause{Phrase: "operator"}})
		case n == 5:
			c.silent()
		case n < 10 && len(c.queue) > 0:
			c.next()
		default:
			c.farEnd(c.any())
		}
	}
	for len(c.queue) > 0 {
		c.next()
	}
	for range c.calls { // one that ends may give another back
		for _, call := range c.calls {
			if !call.given && !call.over && !call.Done() {
				c.say("all over for %s", call.id)
				c.step(call, HangUp{})
			}
		}
	}
	c.run(c.now.Add(10 * time.Minute))
	c.checkOver()
}

// next answers the FindDialog that waits for longest.
func (c *chaos) next() {
	first := c.queue[0]
	c.queue = c.queue[1:]
	first()
}

// connectedCall is one of two phones that talk.
func (c *chaos) connectedCall() {
	delayed, offer, answer := rapid.IntRange(0, 3).Draw(c.t, "delayed") == 0, c.sdp(SendRecv), Body{}
	if delayed {
		offer, answer = answer, offer
	}
	a := c.invite(fmt.Sprintf("a%d", c.lastLeg+1), Invited{Peer: Phone, From: Party{Number: "208"}, To: "206", Offer: offer, Hops: 5})
	if b := c.legs[a.id+1]; b != nil && b.began && !b.gone && !b.closed {
		c.tell(Answered{Leg: b.id, Body: c.sdp(SendRecv)})
	}
	if !a.closed && a.up {
		c.tell(Connected{Leg: a.id, Body: answer})
	}
}

func (c *chaos) sdp(dir Direction) Body {
	return Body{Type: "application/sdp", Data: []byte(fmt.Sprintf("s%d", c.id())), Direction: dir}
}

// any is a leg, mostly one that is not over.
func (c *chaos) any() *deskLeg {
	var live []LegID
	for id := LegID(1); id <= c.lastLeg; id++ {
		if l := c.legs[id]; l.began && !l.closed && !l.gone {
			live = append(live, id)
		}
	}
	if len(live) > 0 && rapid.IntRange(0, 15).Draw(c.t, "live") > 0 {
		return c.legs[rapid.SampledFrom(live).Draw(c.t, "live leg")]
	}
	return c.legs[LegID(rapid.Uint64Range(1, uint64(c.lastLeg)).Draw(c.t, "leg"))]
}

func (c *chaos) body() Body {
	n := rapid.IntRange(0, 5).Draw(c.t, "body")
	if n == 0 {
		return Body{}
	}
	return c.sdp(Direction(n - 1))
}

func (c *chaos) id() uint32 {
	c.lastID++
	return c.lastID
}

func (c *chaos) number() string {
	return rapid.SampledFrom([]string{"201", "202", "203", "204", "205", "206", "300", "301", "302", "500", "600", "0123", "112", "999"}).Draw(c.t, "number")
}

func (c *chaos) newCall() {
	ev := Invited{
		Peer: Phone, From: Party{Number: "209"}, To: c.number(), Offer: c.body(), Hops: rapid.IntRange(0, 3).Draw(c.t, "hops"),
		Diverted: rapid.IntRange(0, 6).Draw(c.t, "diverted"), Guest: rapid.Bool().Draw(c.t, "guest"),
	}
	if rapid.IntRange(0, 9).Draw(c.t, "from a trunk") == 0 {
		ev.Peer, ev.PeerName = Trunk, "t1"
	}
	c.say("a call to %s, offer %q", ev.To, ev.Offer.Data)
	c.invite(fmt.Sprintf("a%d", c.lastLeg+1), ev)
}

func (c *chaos) silent() {
	l := c.any()
	for p := range c.pairs {
		if p[0] == l.id || p[1] == l.id {
			c.step(l.call, MediaSilent{A: p[0], B: p[1]})
			return
		}
	}
}

func (c *chaos) cause() Cause {
	n := rapid.SampledFrom([]int{0, 302, 404, 408, 430, 480, 486, 488, 491, 500, 503, 603}).Draw(c.t, "status")
	cause := Cause{Status: n}
	if n == 302 {
		cause.Contacts = []string{"sip:" + c.number() + "@london", "sip:x@elsewhere"}
	}
	return cause
}

// farEnd makes one leg tell something, mostly something that fits.
func (c *chaos) farEnd(l *deskLeg) {
	if !l.began || l.call.given {
		return
	}
	c.say("%s does something", l.name)
	if rapid.IntRange(0, 19).Draw(c.t, "nonsense") == 0 {
		c.nonsense(l)
		return
	}
	if l.gone {
		return
	}
	switch {
	case l.closed: // it did not hear of the end yet
		c.tell(Ended{Leg: l.id, Cause: c.cause()})
	case l.out && !l.up:
		c.callee(l)
	case !l.out && !l.up:
		if rapid.IntRange(0, 3).Draw(c.t, "cancels") == 0 {
			c.tell(Cancelled{Leg: l.id})
		} else {
			c.talker(l)
		}
	default:
		c.talker(l)
	}
}

func (c *chaos) callee(l *deskLeg) {
	switch rapid.IntRange(0, 5).Draw(c.t, "callee") {
	case 0:
		c.tell(Refused{Leg: l.id, Cause: c.cause()})
	case 1, 2:
		c.tell(Ringing{Leg: l.id, Status: rapid.IntRange(180, 183).Draw(c.t, "status"), Body: c.body()})
	default:
		c.tell(Answered{Leg: l.id, Body: c.body()})
	}
}

func (c *chaos) talker(l *deskLeg) {
	what := rapid.IntRange(0, 13).Draw(c.t, "talker")
	if len(l.asked) > 0 && rapid.Bool().Draw(c.t, "answers what it was asked") {
		what = 10
	}
	switch what {
	case 0:
		if rapid.IntRange(0, 3).Draw(c.t, "really") == 0 {
			c.tell(Ended{Leg: l.id, Cause: c.cause()})
		}
	case 1, 2:
		c.tell(Offered{Leg: l.id, ID: c.id(), Body: c.body()})
	case 3:
		c.tell(Referred{Leg: l.id, ID: c.id(), To: c.number(), Quiet: rapid.Bool().Draw(c.t, "quiet")})
	case 4, 5:
		c.tell(Referred{Leg: l.id, ID: c.id(), To: c.number(), Replaces: &DialogID{CallID: "x"}})
	case 6:
		c.tell(Told{Leg: l.id, ID: c.id(), Method: rapid.SampledFrom([]string{"INFO", "MESSAGE"}).Draw(c.t, "method")})
	case 7:
		if id := asked(l.tells); id != 0 {
			delete(l.tells, id)
			c.tell(ToldReply{Leg: l.id, ID: id, Status: 200})
		}
	case 8, 9:
		c.tell(Connected{Leg: l.id, Body: c.body()})
	default:
		id := asked(l.asked)
		if _, ok := l.asked[id]; ok {
			ev := Agreed{Leg: l.id, ID: id, Body: c.body()}
			if rapid.IntRange(0, 3).Draw(c.t, "refuses") == 0 {
				ev.Cause, ev.Body = Cause{Status: 488}, Body{}
			}
			c.tell(ev)
		}
	}
}

// nonsense is what no leg should tell. It must do no harm.
func (c *chaos) nonsense(l *deskLeg) {
	id := rapid.Uint32Range(0, 30).Draw(c.t, "id")
	switch rapid.IntRange(0, 8).Draw(c.t, "which") {
	case 0:
		if l.up || l.closed || !l.out {
			c.step(l.call, Answered{Leg: l.id, Body: c.body()})
		}
	case 1:
		c.step(l.call, Ringing{Leg: l.id, Status: 180, Body: c.body()})
	case 2:
		c.step(l.call, ToldReply{Leg: l.id, ID: id, Status: 7})
	case 3:
		c.step(l.call, Tick{})
	case 4:
		c.step(l.call, NotFound{ID: id + 1000})
	case 5:
		if _, ok := l.asked[id]; !ok {
			c.step(l.call, Agreed{Leg: l.id, ID: id, Body: c.body()})
		}
	case 6:
		c.step(l.call, Connected{Leg: l.id + 1000})
	case 7:
		c.step(l.call, Ended{Leg: l.id + 1000})
	case 8:
		c.step(l.call, MediaSilent{A: l.id, B: l.id})
	}
}
