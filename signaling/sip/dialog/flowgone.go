package dialog

import (
	"time"

	"roost/signaling/call"
)

// FlowGone takes it that the connection with the number flow has ended. A leg that is not
// answered yet ends with it if that was its way: nothing of it could come any more, and
// others ring on without waiting for it (430, RFC 5626 §5.3). An answered one goes on:
// its far end may come back on another connection, and what its media does is not
// signalling's to judge (VP3, VP5).
func (l *Leg) FlowGone(flow uint64, now time.Time, fx *Effects) {
	l.begin(now, fx)
	defer l.end()
	if l.state != early || l.path.Flow != flow || !l.path.Reliable {
		return
	}
	if !l.uac {
		l.finish(call.Cancelled{Leg: l.id, Cause: call.Cause{Status: 430, Phrase: "the caller's connection is gone"}})
		return
	}
	for _, c := range l.clients {
		if c.purpose == forCall && !c.over {
			l.clientEffects(c, c.inviteTx.Abandon(), nil)
			l.outcome(c, result{status: 430, reason: "Flow Failed", local: true})
			return
		}
	}
}
