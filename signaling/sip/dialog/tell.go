package dialog

import (
	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// toldBy takes an INFO or MESSAGE within the call.
func (l *Leg) toldBy(s *server, m *message.Message) {
	if l.state != up {
		l.respond(s, reply{status: 481})
		return
	}
	s.id = l.newID()
	s.until = l.now.Add(updateWithin)
	ev := call.Told{Leg: l.id, ID: s.id, Method: s.method, Body: bodyOf(m)}
	if v, ok := m.Get(message.HInfoPackage); ok {
		ev.Package = keep(v)
	}
	l.tell(ev)
}

// tellReply answers it.
func (l *Leg) tellReply(r call.TellReply) {
	s := l.findID(r.ID)
	if s == nil || s.method != "INFO" && s.method != "MESSAGE" {
		if l.state != over {
			l.odd(OddAction)
		}
		return
	}
	if r.Status < 200 || r.Status > 699 {
		r.Status = 500
	}
	l.respond(s, reply{status: r.Status})
}

// tellFar sends INFO or MESSAGE.
func (l *Leg) tellFar(t call.Tell) {
	if l.state != up || t.Method != "INFO" && t.Method != "MESSAGE" {
		if l.state == up {
			l.odd(OddAction)
		}
		l.tell(call.ToldReply{Leg: l.id, ID: t.ID, Status: 481})
		return
	}
	var b []byte
	if t.Package != "" && t.Method == "INFO" {
		b = message.AppendHeader(b, "Info-Package", message.Clean(t.Package))
		b = append(b, "Content-Disposition: Info-Package\r\n"...)
	}
	l.start(&client{purpose: forTell, id: t.ID}, request{method: t.Method, to: &l.d, header: b, body: t.Body})
}

// told takes the end of our INFO or MESSAGE. One that is not answered ends nothing
// by itself: the session timer finds out whether the far end is there.
func (l *Leg) told(c *client, r result) {
	if l.state == over {
		return
	}
	l.tell(call.ToldReply{Leg: l.id, ID: c.id, Status: r.status})
	if r.status == 481 && !r.local {
		l.lost(call.Cause{Status: 481, Phrase: "the far end does not know the call"}, false)
	}
}
