package dialog

import (
	"strconv"
	"strings"
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// transferFor is how long the subscription of a REFER lives without news.
const transferFor = 3 * time.Minute

// transfer is the subscription that a REFER made (RFC 3515 §2.4.4). It lives on when
// the call itself has ended (RFC 5057).
type transfer struct {
	id     uint32 // of Referred
	cseq   uint32 // names it in Event, as a dialog may have several
	quiet  bool
	busy   bool // a NOTIFY waits for its answer
	next   *call.ReferNews
	until  time.Time
	closed bool
}

// referred takes a REFER.
func (l *Leg) referred(s *server, m *message.Message) {
	v, ok := m.Get(message.HReferTo)
	to, err := message.ParseAddress(v)
	switch {
	case !ok || err != nil:
		l.odd(OddMalformed)
		l.respond(s, reply{status: 400, reason: "Missing Or Malformed Refer-To Header"})
		return
	case l.state != up || len(l.subs) >= maxSubs:
		l.odd(OddOverlap)
		l.respond(s, reply{status: 500, header: l.retryAfter()})
		return
	}
	ev := call.Referred{Leg: l.id, To: keep(plainURI(to))}
	if r, ok := uriHeader(to.URI.Headers, "Replaces"); ok {
		id, _, good := parseReplaces(r)
		if !good {
			l.odd(OddMalformed)
			l.respond(s, reply{status: 400, reason: "Malformed Replaces In Refer-To"})
			return
		}
		ev.Replaces = &id
	}
	sub, _ := m.Get(message.HReferSub)
	sub, _, _ = strings.Cut(sub, ";")
	ev.Quiet = strings.EqualFold(strings.TrimSpace(sub), "false")
	s.id = l.newID()
	ev.ID = s.id
	s.quiet = ev.Quiet
	s.until = l.now.Add(updateWithin)
	l.tell(ev)
}

// plainURI is a URI without its headers, and without the method parameter, which in
// a Refer-To is about the request to send.
func plainURI(a message.Address) string {
	u, _, _ := strings.Cut(a.Text, "?")
	return strings.Replace(u, ";method=INVITE", "", 1)
}

// uriHeader finds a header in a URI's "?name=value&…" (RFC 3261 §19.1.1).
func uriHeader(headers, name string) (string, bool) {
	for one := range strings.SplitSeq(headers, "&") {
		n, v, _ := strings.Cut(one, "=")
		if !strings.EqualFold(n, name) {
			continue
		}
		v, ok := message.Unescape(v)
		return v, ok && !strings.ContainsAny(v, "\r\n")
	}
	return "", false
}

// referReply accepts or refuses a REFER. Accepted, it is followed at once by the
// first NOTIFY (RFC 3515 §2.4.4).
func (l *Leg) referReply(r call.ReferReply) {
	s := l.findID(r.ID)
	if s == nil || s.method != "REFER" {
		if l.state != over {
			l.odd(OddAction)
		}
		return
	}
	if r.Cause.Status >= 300 {
		l.respond(s, l.refusalOf(r.Cause))
		return
	}
	var b []byte
	if s.quiet {
		b = append(b, "Refer-Sub: false\r\n"...)
	}
	l.respond(s, reply{status: 202, header: b, contact: true})
	sub := &transfer{id: s.id, cseq: s.cseq, quiet: s.quiet, until: l.now.Add(transferFor)}
	l.subs = append(l.subs, sub)
	l.notify(sub, call.ReferNews{ID: s.id, Status: 100})
}

// referNews tells how a transfer goes on; a final status ends the subscription.
func (l *Leg) referNews(n call.ReferNews) {
	for _, sub := range l.subs {
		if sub.id == n.ID && !sub.closed {
			l.notify(sub, n)
			l.dropClosed()
			return
		}
	}
}

// notify sends a NOTIFY, or leaves it for when the one under way is answered.
func (l *Leg) notify(sub *transfer, n call.ReferNews) {
	final := n.Status >= 200
	switch {
	case sub.quiet:
		sub.closed = final
		return
	case sub.busy:
		sub.next = &n
		return
	}
	sub.busy = true
	sub.until = l.now.Add(transferFor)
	b := strconv.AppendUint([]byte("Event: refer;id="), uint64(sub.cseq), 10)
	if final {
		sub.closed = true
		b = append(b, "\r\nSubscription-State: terminated;reason=noresource\r\n"...)
	} else {
		b = append(b, "\r\nSubscription-State: active;expires="...)
		b = append(strconv.AppendInt(b, int64(transferFor/time.Second), 10), "\r\n"...)
	}
	phrase := message.Clean(cutTo(n.Phrase, maxPhrase))
	if phrase == "" {
		phrase = phraseOf(n.Status)
	}
	frag := "SIP/2.0 " + strconv.Itoa(n.Status) + " " + phrase + "\r\n"
	l.start(&client{purpose: forNews, sub: sub}, request{
		method: "NOTIFY", to: &l.d, header: b, contact: true,
		body: call.Body{Type: "message/sipfrag;version=2.0", Data: []byte(frag)},
	})
}

// lastNews sends how a transfer ended before our BYE, although an earlier NOTIFY is
// not answered yet: after the BYE some far ends have no dialog any more for it, in
// spite of RFC 5057 (linphone answers 481), and would never hear of it.
func (l *Leg) lastNews() {
	for _, sub := range l.subs {
		if n := sub.next; n != nil && n.Status >= 200 && !sub.closed {
			sub.next, sub.busy = nil, false
			l.notify(sub, *n)
		}
	}
}

// newsTold takes the end of a NOTIFY. Who does not know the subscription, or does
// not answer, has none any more (RFC 6665 §4.2.2).
func (l *Leg) newsTold(c *client, r result) {
	sub := c.sub
	sub.busy = false
	if !r.ok() {
		sub.closed = true
	}
	if next := sub.next; next != nil && !sub.closed {
		sub.next = nil
		l.notify(sub, *next)
	}
	l.dropClosed()
}

// dropClosed forgets subscriptions that are over and have told all.
func (l *Leg) dropClosed() {
	keep := l.subs[:0]
	for _, sub := range l.subs {
		if !sub.closed || sub.busy {
			keep = append(keep, sub)
		}
	}
	clear(l.subs[len(keep):])
	if l.subs = keep; len(keep) == 0 {
		l.subs = nil
	}
}

// tickTransfers ends subscriptions that nobody told anything of.
func (l *Leg) tickTransfers() {
	late := false
	for _, sub := range l.subs {
		if l.now.Before(sub.until) {
			continue
		}
		late = true
		if sub.busy || sub.quiet {
			sub.closed, sub.busy = true, false
			continue
		}
		l.notify(sub, call.ReferNews{ID: sub.id, Status: 408, Phrase: "Transfer Timed Out"})
	}
	if late {
		l.dropClosed()
	}
}

// subscribed takes a SUBSCRIBE within the dialog: only a transfer's subscription can
// be refreshed or ended by it.
func (l *Leg) subscribed(s *server, m *message.Message) {
	v, _ := m.Get(message.HEvent)
	event, params, _ := strings.Cut(v, ";")
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		l.respond(s, reply{status: 489})
		return
	}
	id, named := message.Params(";" + params).Get("id")
	for _, sub := range l.subs {
		if sub.closed || named && id != strconv.FormatUint(uint64(sub.cseq), 10) {
			continue
		}
		expires, given := m.Expires()
		if !given || expires > uint32(transferFor/time.Second) {
			expires = uint32(transferFor / time.Second)
		}
		l.respond(s, reply{status: 200, header: message.AppendNumber(nil, "Expires", uint64(expires)), contact: true})
		if expires == 0 {
			sub.quiet, sub.closed = true, true
			l.dropClosed()
		} else {
			sub.until = l.now.Add(time.Duration(expires) * time.Second)
		}
		return
	}
	l.respond(s, reply{status: 481})
}
