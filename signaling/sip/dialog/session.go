package dialog

import (
	"strconv"
	"strings"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// session is the session timer (RFC 4028).
type session struct {
	every uint32 // session interval in seconds, 0: none
	least uint32 // Min-SE
	ours  bool   // we refresh
	alone bool   // the far end knows no session timer: we refresh for ourselves
	ends  time.Time
	due   time.Time // when to refresh, or to end the leg
}

// timerWish is what a request says of the session timer.
type timerWish struct {
	every, least uint32 // 0: not said
	by           string // "uac", "uas" or ""
	can          bool
}

// maxSession bounds what the far end may ask for, in seconds.
const maxSession = 86_400

func (c *Config) leastSession() uint32 {
	if c.MinSE <= 0 {
		return 90
	}
	return uint32(c.MinSE / time.Second)
}

// wanted is the interval that we ask for. Between systems none is: a line that is
// away for a while must end no call (VP5), and each end sees its own phone die.
func (l *Leg) wanted() uint32 {
	switch {
	case l.peer == call.System || l.c.SessionExpires < 0:
		return 0
	case l.c.SessionExpires == 0:
		return 1800
	}
	return uint32(l.c.SessionExpires / time.Second)
}

func timerWishOf(m *message.Message) timerWish {
	w := timerWish{can: m.Token(message.HSupported, "timer") || m.Token(message.HRequire, "timer")}
	if v, ok := m.Get(message.HSessionExpires); ok {
		seconds, params, _ := strings.Cut(v, ";")
		w.every = min(message.Seconds(strings.TrimSpace(seconds)), maxSession)
		w.by, _ = message.Params(";" + params).Get("refresher")
		w.by = strings.ToLower(w.by)
		if w.by != "uac" && w.by != "uas" {
			w.by = ""
		}
	}
	if v, ok := m.Get(message.HMinSE); ok {
		seconds, _, _ := strings.Cut(v, ";")
		w.least = min(message.Seconds(strings.TrimSpace(seconds)), maxSession)
	}
	return w
}

// tooBrief refuses an interval that is under our least with 422; nil: it is not.
func (l *Leg) tooBrief(s *server) *reply {
	least := l.c.leastSession()
	if s.timer.every == 0 || s.timer.every >= least || !s.timer.can {
		return nil
	}
	return &reply{status: 422, header: message.AppendNumber(nil, "Min-SE", uint64(least))}
}

// agreeSession decides the timer as the answering side and writes it into a 2xx
// (RFC 4028 §9).
func (l *Leg) agreeSession(b []byte, s *server) []byte {
	w, ours := s.timer, l.wanted()
	n := w.every
	switch {
	case n == 0 && ours == 0:
		l.session = session{}
		return b
	case n == 0:
		n = ours
	case ours != 0 && ours < n:
		n = ours
	}
	n = max(n, w.least, l.c.leastSession())
	byThem := w.can && w.by != "uas"
	l.setSession(n, !byThem, !w.can && w.every == 0)
	b = strconv.AppendUint(append(b, "Session-Expires: "...), uint64(n), 10)
	if byThem {
		return append(b, ";refresher=uac\r\nRequire: timer\r\n"...)
	}
	return append(b, ";refresher=uas\r\n"...)
}

// appendSessionWish writes the timer into the INVITE that begins a leg.
func (l *Leg) appendSessionWish(b []byte) []byte {
	if l.session.every == 0 {
		return b
	}
	b = message.AppendNumber(b, "Session-Expires", uint64(l.session.every))
	return message.AppendNumber(b, "Min-SE", uint64(l.session.least))
}

// appendRefresh writes it into a later request: who refreshes stays (§7.4).
func (l *Leg) appendRefresh(b []byte) []byte {
	s := &l.session
	if s.every == 0 || s.alone {
		return b
	}
	b = strconv.AppendUint(append(b, "Session-Expires: "...), uint64(s.every), 10)
	if s.ours {
		b = append(b, ";refresher=uac\r\n"...)
	} else {
		b = append(b, ";refresher=uas\r\n"...)
	}
	return message.AppendNumber(b, "Min-SE", uint64(max(s.least, l.c.leastSession())))
}

// raise takes the Min-SE of a 422; false where it says nothing new.
func (l *Leg) raise(m *message.Message) bool {
	w := timerWishOf(m)
	if w.least <= l.session.every || l.session.every == 0 {
		return false
	}
	l.session.every, l.session.least = w.least, w.least
	return true
}

// learnSession takes the timer from a 2xx to a request of ours (§7.2). A far end
// without session timer is looked after all the same, by refreshing alone.
func (l *Leg) learnSession(m *message.Message) {
	w := timerWishOf(m)
	if w.every > 0 {
		l.setSession(w.every, w.by != "uas", false)
		return
	}
	if n := l.wanted(); n > 0 {
		l.setSession(max(n, l.session.every), true, true)
		return
	}
	l.session = session{}
}

func (l *Leg) setSession(every uint32, ours, alone bool) {
	s := &l.session
	s.every, s.ours, s.alone = every, ours, alone
	whole := time.Duration(every) * time.Second
	s.ends = l.now.Add(whole)
	if ours {
		s.due = l.now.Add(whole / 2)
		return
	}
	// RFC 4028 §10: the BYE goes a little before the end.
	s.due = l.now.Add(whole - min(32*time.Second, whole/3))
}

// tickSession refreshes, or ends a leg that nobody refreshed.
func (l *Leg) tickSession() {
	s := &l.session
	if l.state != up || s.due.IsZero() || l.now.Before(s.due) {
		return
	}
	if !s.ours || !l.now.Before(s.ends) {
		l.odd(OddExpired)
		l.bye(call.Cause{Status: 408, Phrase: "session timer"})
		return
	}
	s.due = s.ends
	for _, w := range l.wishes {
		if w.refresh {
			return
		}
	}
	l.wishes = append(l.wishes, wish{refresh: true})
}

// refreshRefused takes a refusal of a refresh: the far end lives, but did not agree.
// One without session timer has thereby shown all that was asked; another is asked
// again once before the end.
func (l *Leg) refreshRefused(r result) {
	s := &l.session
	if s.alone && !r.local {
		l.setSession(s.every, true, true)
		return
	}
	left := s.ends.Sub(l.now)
	if left > time.Minute {
		s.due = l.now.Add(left / 2)
	}
}
