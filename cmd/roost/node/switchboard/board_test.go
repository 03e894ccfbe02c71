package switchboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/signaling/call"
)

func contextWithin(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// pass lets a time go by in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A call whose far end answers from within Dial, and whose caller confirms from within
// Do: everything comes back while it is being told, and nothing is lost or locked.
func TestBoard_EventsFromWithin(t *testing.T) {
	for _, direct := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, Limits{}, direct)
			a := s.call("201", "202")
			answers := toldTo[call.Answer](s.legs, a)
			if len(answers) != 1 {
				t.Fatalf("the caller was told %v", s.legs.did[a])
			}
			b := s.legs.leg("202")
			offer, answer := string(s.legs.dialled[b].Offer.Data), string(answers[0].Body.Data)
			if anchored := strings.Contains(offer, "198.51.100.1") && strings.Contains(answer, "198.51.100.1"); anchored == direct {
				t.Errorf("202 is offered\n%s\n201 is answered\n%s", offer, answer)
			}
			list := s.List(10)
			if len(list) != 1 || list[0].State != call.Talking || list[0].PathName() != map[bool]string{true: "direct", false: "anchored"}[direct] {
				t.Errorf("the calls are %+v", list)
			}
			if s.Calls("201") != 1 || s.world.busy["202"] != 1 || !s.IdleSince("201").IsZero() {
				t.Errorf("busy: %v", s.world.busy)
			}
			var is Standing
			for _, is = range s.world.standing {
			}
			if is.Direct != direct || is.Legs[0].ID != a || is.Legs[1].ID != b || is.Dialogs[0].CallID == "" {
				t.Errorf("told as %+v", is)
			}
			pass(time.Minute)
			s.LegEvent(call.Ended{Leg: b})
			synctest.Wait()
			r := s.world.records
			if len(r) != 1 || r[0].EndedBy != "to" || r[0].Seconds != 60 || r[0].Path != list[0].PathName() || r[0].FromSecurity != "none" {
				t.Fatalf("the record is %+v", r)
			}
			if !direct && (r[0].FromQuality == nil || r[0].FromQuality.Packets != 100 || r[0].ToQuality.Packets != 200) {
				t.Errorf("the quality is %+v and %+v", r[0].FromQuality, r[0].ToQuality)
			}
			if s.IdleSince("201").IsZero() {
				t.Error("201 has been idle since never")
			}
			s.empty()
			if err := s.stop(time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBoard_BoundsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{Calls: 3, PerPhone: 2}, true)
		refused := func(from, to string) int {
			t.Helper()
			id := s.call(from, to)
			if r := toldTo[call.Refuse](s.legs, id); len(r) == 1 {
				return r[0].Cause.Status
			}
			return 0
		}
		for _, c := range []struct {
			from, to string
			want     int
		}{
			{"301", "202", 0}, {"301", "203", 0}, {"301", "204", 486}, // two calls of a phone
			{"302", "205", 0}, {"303", "206", 503}, // three calls in all
			{"303", "2112", 0}, // but an emergency call is let through
		} {
			if is := refused(c.from, c.to); is != c.want {
				t.Errorf("%s calls %s: %d, want %d", c.from, c.to, is, c.want)
			}
		}
		if c := s.Counters(); c.RefusedFull != 1 || c.RefusedPerPhone != 1 || c.Standing != 4 {
			t.Errorf("counted: %+v", c)
		}
		if !s.HangUp(s.List(1)[0].ID, call.Cause{Phrase: "by hand"}) || s.HangUp("nobody's", call.Cause{}) {
			t.Error("hanging up by name")
		}
		if c := s.Counters(); c.Standing != 3 {
			t.Errorf("after one was hung up: %+v", c)
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
		if is := refused("301", "202"); is != 503 {
			t.Errorf("after the stop: %d", is)
		}
	})
}

// No ports: the call is refused clearly, and nothing of it is left.
func TestBoard_MediaRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, false)
		s.relay.room = 1
		s.call("201", "202")
		second := s.call("203", "204")
		if r := toldTo[call.Refuse](s.legs, second); len(r) != 1 || r[0].Cause.Status != 503 {
			t.Errorf("without ports: %+v", r)
		}
		bad := s.NewLeg()
		s.legs.name(bad)
		s.Invited(call.Invited{Leg: bad, Peer: call.Phone, From: call.Party{Number: "205"}, To: "206", Hops: 70,
			Offer: call.Body{Type: "application/sdp", Data: []byte("v=0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 239.1.1.1\r\n")}}, Origin{})
		if r := toldTo[call.Refuse](s.legs, bad); len(r) != 1 || r[0].Cause.Status != 488 {
			t.Errorf("a bad description: %+v", r)
		}
		if c := s.Counters(); c.MediaRefused != 2 || c.Standing != 1 {
			t.Errorf("counted: %+v", c)
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
		s.empty()
	})
}

// A panic costs the call in which it was, whose legs are told, and nothing else.
func TestBoard_APanicCostsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		s.world.panics = "666"
		good := s.call("201", "202")
		bad := s.call("203", "666")
		if r := toldTo[call.Refuse](s.legs, bad); len(r) != 1 || r[0].Cause.Status != 500 {
			t.Errorf("its caller was told %v", s.legs.did[bad])
		}
		if c := s.Counters(); c.Panics != 1 || c.Standing != 1 || len(toldTo[call.End](s.legs, good)) != 0 {
			t.Errorf("counted: %+v", c)
		}
		if s.Calls("203") != 0 {
			t.Error("203 is busy for ever")
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// Deadlines are looked at: who rings for ever is cancelled.
func TestBoard_NobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		a := s.call("201", "301")
		b := s.legs.leg("301")
		pass(59 * time.Second)
		if len(toldTo[call.Cancel](s.legs, b)) != 0 {
			t.Fatal("given up too early")
		}
		pass(2 * time.Second)
		synctest.Wait()
		if len(toldTo[call.Cancel](s.legs, b)) != 1 || len(toldTo[call.Refuse](s.legs, a)) != 1 {
			t.Errorf("301 was told %v, 201 %v", s.legs.did[b], s.legs.did[a])
		}
		s.empty()
		if r := s.world.records; len(r) != 1 || r[0].Why != "no answer" {
			t.Errorf("the record is %+v", r)
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// The relay's goroutine does not do the call's work.
func TestBoard_MediaTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, false)
		a := s.call("201", "202")
		s.relay.mu.Lock() // as a relay that waits for its own goroutine: who calls back into it here hangs
		silent := s.relay.silent[0]
		silent()
		s.relay.mu.Unlock()
		synctest.Wait()
		if len(toldTo[call.End](s.legs, a)) != 1 {
			t.Errorf("201 was told %v", s.legs.did[a])
		}
		s.empty()
		if r := s.world.records; len(r) != 1 || r[0].Why != "media time-out" {
			t.Errorf("the record is %+v", r)
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestVP3_StopLetsDirectCallsBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		talking := s.call("201", "202")
		ringing := s.call("203", "301")
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
		for _, id := range []call.LegID{talking, s.legs.leg("202")} {
			for _, a := range s.legs.did[id] {
				switch a.(type) {
				case call.End, call.Offer:
					t.Errorf("a leg of a direct call was told %#v", a)
				}
			}
		}
		if len(toldTo[call.Cancel](s.legs, s.legs.leg("301"))) != 1 || len(toldTo[call.Refuse](s.legs, ringing)) != 1 {
			t.Error("a call that nobody answered goes on ringing")
		}
		// What it still hears of them changes nothing.
		s.LegEvent(call.Ended{Leg: talking})
		if len(toldTo[call.End](s.legs, s.legs.leg("202"))) != 0 {
			t.Error("the end of one leg after the stop ended the other")
		}
		if len(s.world.records) != 2 || s.Counters().Left != 1 {
			t.Errorf("the records are %+v", s.world.records)
		}
		if len(s.world.ended) != 0 {
			t.Error("the backups were told that the direct call is over")
		}
	})
}

func TestBoard_StopWaitsOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, false)
		a := s.call("201", "202")
		s.call("203", "301")
		s.legs.mute = true
		if err := s.stop(time.Second); !errors.Is(err, ErrCut) {
			t.Errorf("far ends that confirm nothing: %v", err)
		}
		if len(toldTo[call.End](s.legs, a)) != 1 {
			t.Errorf("201 was told %v", s.legs.did[a])
		}
	})
}

// An attended transfer: the legs of another call are taken over, with what waits for
// them and whom they keep busy.
func TestBoard_TakesTheLegsOfAnotherCall(t *testing.T) {
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, Limits{}, false)
			s.call("201", "202") // 202 is to be transferred …
			held := s.legs.leg("202")
			consulting := s.call("201", "203") // … by 201, who asked 203, to 203
			if !answers {
				s.LegEvent(call.Ended{Leg: consulting}) // and hung up too early
			}
			d, _ := s.legs.Dialog(consulting)
			first := s.List(1)[0].Legs[0].ID
			s.LegEvent(call.Referred{Leg: first, ID: 1, To: "203", Replaces: &d})
			synctest.Wait()
			news := toldTo[call.ReferNews](s.legs, first)
			replies := toldTo[call.ReferReply](s.legs, first)
			if len(replies) != 1 {
				t.Fatalf("201 was told %v", s.legs.did[first])
			}
			if !answers {
				if replies[0].Cause.Status != 481 {
					t.Errorf("a dialog that is over: %+v", replies)
				}
			} else {
				if len(news) == 0 || news[len(news)-1].Status != 200 {
					t.Fatalf("the transfer: %+v %+v", replies, news)
				}
				s.LegEvent(call.Ended{Leg: first})
				list := s.List(10)
				if len(list) != 1 || len(list[0].Legs) != 2 || s.world.busy["202"] != 1 || s.world.busy["203"] != 1 || s.world.busy["201"] != 0 {
					t.Errorf("the calls are %+v, busy %v", list, s.world.busy)
				}
				s.LegEvent(call.Ended{Leg: held})
				s.empty()
			}
			if err := s.stop(time.Second); err != nil {
				t.Error(err)
			}
			s.empty()
		})
	}
}

// An attended transfer that the target does not take: both calls are as they were, and
// their media too.
func TestBoard_GivesTheLegsOfAnotherCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, false)
		first := s.call("201", "202")
		consulting := s.call("201", "203")
		s.legs.refuses = "203"
		d, _ := s.legs.Dialog(consulting)
		s.LegEvent(call.Referred{Leg: first, ID: 1, To: "203", Replaces: &d})
		synctest.Wait()
		if news := toldTo[call.ReferNews](s.legs, first); len(news) == 0 || news[len(news)-1].Status < 300 {
			t.Fatalf("the transfer: %+v", news)
		}
		if c := s.Counters(); c.GaveBack != 1 || c.Standing != 2 || s.relay.streams() != 2 {
			t.Fatalf("counted %+v, %d streams", c, s.relay.streams())
		}
		s.legs.refuses = ""
		for i, leg := range []call.LegID{first, consulting} {
			s.LegEvent(call.Offered{Leg: leg, ID: uint32(10 + i), Body: description(leg, "")})
			replies := toldTo[call.Reply](s.legs, leg)
			if len(replies) != 1 || replies[0].Cause.Status != 0 || replies[0].Body.Empty() {
				t.Errorf("a new offer in call %d: %+v", i, replies)
			}
		}
		for _, silent := range s.relay.silent {
			silent()
		}
		synctest.Wait()
		for _, leg := range []call.LegID{first, consulting} {
			if end := toldTo[call.End](s.legs, leg); len(end) != 1 || end[0].Cause.Phrase != "media time-out" {
				t.Errorf("after silence leg %d was told %+v", leg, end)
			}
		}
		s.empty()
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// What refuses its offer is dialled again with less, for its call as the same leg.
func TestBoard_AnOfferThatIsRefusedIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{}, true)
		a := s.call("201", "501")
		list := s.List(10)
		if len(list) != 1 || list[0].State != call.Talking || list[0].PathName() != "anchored" || s.Counters().Retried != 1 {
			t.Fatalf("the calls are %+v; counted %+v", list, s.Counters())
		}
		again := s.legs.leg("501") // what the protocol calls it now
		if d, ok := s.legs.Dialog(again); !ok {
			t.Error("it has no dialog")
		} else if in, ok := s.o.Legs.ByDialog(d); !ok || in == again || in != list[0].Talk[1] {
			t.Errorf("its dialog is leg %d's", in)
		}
		s.LegEvent(call.Ended{Leg: again})
		if len(toldTo[call.End](s.legs, a)) != 1 || s.world.records[0].EndedBy != "to" {
			t.Errorf("201 was told %v", s.legs.did[a])
		}
		s.empty()
		b := s.call("202", "601")
		if r := toldTo[call.Refuse](s.legs, b); len(r) != 1 || r[0].Cause.Status != 488 || s.Counters().Retried != 2 {
			t.Errorf("202 was told %v; counted %+v", s.legs.did[b], s.Counters())
		}
		s.empty()
		if n := s.names.n.Load(); n != 0 || len(s.names.inner) != 0 {
			t.Errorf("%d names are left", n)
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// A call that gets more events than may wait for it is ended; one that is no call's is
// counted.
func TestBoard_AFloodOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Limits{Queue: 4}, true)
		a := s.call("201", "202")
		e := s.Board.legs.of(a)
		e.mu.Lock()
		e.running = true // somebody is at work on it
		e.mu.Unlock()
		for i := range 10 {
			s.LegEvent(call.Told{Leg: a, ID: uint32(i), Method: "INFO"})
		}
		e.drain()
		if c := s.Counters(); c.Flooded == 0 || c.Standing != 0 {
			t.Errorf("counted: %+v", c)
		}
		s.LegEvent(call.Ended{Leg: 4711})
		if s.Counters().StrayEvents == 0 {
			t.Error("an event of nobody's leg is not counted")
		}
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// Many calls at once from many goroutines, ended while they are answered.
func TestBoard_ManyAtOnce(t *testing.T) {
	s := newSite(t, Limits{PerPhone: 1000}, false)
	var work sync.WaitGroup
	for g := range 8 {
		work.Go(func() {
			for i := range 100 {
				to := fmt.Sprintf("%d%02d", 2+i%3, i%100)
				a := s.call(fmt.Sprintf("9%d", g), to)
				switch i % 4 {
				case 0:
					s.LegEvent(call.Cancelled{Leg: a})
				case 1:
					work.Go(func() { s.LegEvent(call.Ended{Leg: a}) })
					s.LegEvent(call.Ended{Leg: a})
				}
			}
		})
	}
	work.Wait()
	if err := s.stop(5 * time.Second); err != nil {
		t.Error(err)
	}
	s.empty()
	if c := s.Counters(); c.Invited != 800 || uint64(len(s.world.records)) != c.Finished || c.Finished != 800 {
		t.Errorf("counted: %+v, %d records", c, len(s.world.records))
	}
}

func TestDirectionOf(t *testing.T) {
	for text, want := range map[string]call.Direction{
		"": call.AnyDirection,
		"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n":                                            call.SendRecv,
		"v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\n":                                                    call.SendOnly,
		"v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\nm=video 1 RTP/AVP 0\r\na=recvonly\r\n": call.Inactive,
		"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\n":                                              call.SendOnly,
		"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n":                        call.SendRecv,
		"v=0\r\nm=video 1 RTP/AVP 0\r\na=sendonly\r\n":                                                    call.AnyDirection,
		"v=0\r\nm=audio 0 RTP/AVP 0\r\n":                                                                  call.Inactive,
	} {
		if is := directionOf(call.Body{Type: sdpType, Data: []byte(text)}); is != want {
			t.Errorf("%q: %v, want %v", text, is, want)
		}
	}
}

// BenchmarkCall is a whole call, from INVITE to its record, anchored at a relay that
// does nothing.
func BenchmarkCall(b *testing.B) {
	s := newSite(&testing.T{}, Limits{PerPhone: 1 << 30}, false)
	b.ReportAllocs()
	for b.Loop() {
		a := s.call("201", "202")
		s.LegEvent(call.Ended{Leg: a})
		s.world.records = s.world.records[:0]
		delete(s.legs.did, a)
	}
	if err := s.stop(time.Second); err != nil {
		b.Error(err)
	}
}
