package relay

import (
	"testing"
	"time"

	"roost/media"
)

func TestHold_NothingPasses(t *testing.T) {
	s := newStage(t, talk(saidA), talk(phoneB))
	s.wants("talking", s.send(media.A, saidA, rtp(1, 1, 0)), true)
	c := talk(phoneB)
	c.Send = false // B takes nothing
	s.set(media.B, c)
	s.wants("to a side on hold", s.send(media.A, saidA, rtp(1, 2, 0)), false)
	s.wants("music from it", s.send(media.B, phoneB, rtp(2, 1, 0)), true)
	a := talk(saidA)
	a.Receive = false // A gives nothing
	s.set(media.A, a)
	s.set(media.B, talk(phoneB))
	s.wants("from a side that should be silent", s.send(media.A, saidA, rtp(1, 3, 0)), false)
	if got := s.lane.sides[0].stats.held; got != 2 {
		t.Errorf("%d packets were held, not 2", got)
	}
	a.RTCP = nextPort(saidA)
	b := talk(phoneB)
	b.RTCP, b.Send = nextPort(phoneB), false
	s.set(media.A, a)
	s.set(media.B, b)
	s.wants("RTCP on hold (RFC 3264 §8.4)", s.sendTo(media.A, true, nextPort(saidA), rtcp(1)), true)
	if s.to != nextPort(phoneB) {
		t.Errorf("RTCP went to %s", s.to)
	}
	s.set(media.A, talk(saidA))
	s.set(media.B, talk(phoneB))
	s.wants("resumed", s.send(media.A, saidA, rtp(1, 4, 0)), true)
}

func TestHold_NoAddressYet(t *testing.T) {
	s := newStage(t, talk(saidA), media.SideConfig{Send: true, Receive: true})
	s.wants("to nowhere", s.send(media.A, saidA, rtp(1, 1, 0)), false)
	c := talk(phoneB)
	c.RTP = portZero(phoneB)
	s.set(media.B, c)
	s.wants("to port zero", s.send(media.A, saidA, rtp(1, 2, 0)), false)
}

func TestSilent_InVirtualTime(t *testing.T) {
	const timeout = int64(time.Minute)
	s := newStage(t, talk(saidA), talk(phoneB))
	if s.lane.wentSilent(s.now+timeout-1, timeout) {
		t.Error("silent before the time-out")
	}
	s.now += timeout - 1
	s.wants("a packet at the last moment", s.send(media.B, phoneB, rtp(1, 1, 0)), true)
	if s.lane.wentSilent(s.now+timeout-1, timeout) {
		t.Error("one side's packet did not count")
	}
	s.now += timeout
	s.wants("a stranger's packet", s.send(media.B, attacker, rtp(1, 2, 0)), false)
	if !s.lane.wentSilent(s.now, timeout) {
		t.Error("not silent: a stranger keeps the call alive")
	}
	if s.lane.wentSilent(s.now, timeout) {
		t.Error("told twice")
	}

	held := media.SideConfig{RTP: phoneB}
	s = newStage(t, held, held)
	if s.lane.wentSilent(s.now+10*timeout, timeout) {
		t.Error("a call on hold on both sides went silent")
	}
	s.now += 10 * timeout
	s.set(media.A, talk(saidA))
	if s.lane.wentSilent(s.now+timeout-1, timeout) {
		t.Error("the time on hold counted")
	}
	if !s.lane.wentSilent(s.now+timeout, timeout) {
		t.Error("not silent after the hold")
	}
	if s.lane.silent = false; s.lane.wentSilent(s.now+1<<60, -1) {
		t.Error("no time-out is set, and it came")
	}
}
