package sip

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// Texts takes the messages that are sent outside of calls (RFC 3428).
type Texts interface {
	// Texted takes one. It must not wait; done is called once, from any goroutine, with
	// the status of the answer. The text is not lent: it may be kept.
	Texted(t Text, done func(status int))
}

// Text is a MESSAGE outside of a call.
type Text struct {
	// From is who sent it, proven by credentials or said by another system; To is the
	// number that it is for.
	From registrar.Number
	To   string
	// Peer and PeerName are where it came in: a phone or another system.
	Peer     call.PeerKind
	PeerName string
	// Hops is what is left of its Max-Forwards.
	Hops        int
	ContentType string
	Body        []byte
}

const (
	// maxText is how long a message may be, in octets.
	maxText = 8 << 10
	// maxTextHops bounds how far a message goes from here.
	maxTextHops = 8
)

// text takes a MESSAGE that no call has, from a phone that proved itself or from another
// system.
func (w *work) text(key string) {
	e := w.e
	in, ok := w.caller()
	if !ok {
		return
	}
	to, named := w.m.Target.Number()
	from, _ := w.m.From.URI.Number()
	kind, _ := w.m.Get(message.HContentType)
	hops := w.m.MaxForwards
	if hops < 0 { // it has none (RFC 3261 §16.6 step 3)
		hops = 70
	}
	switch {
	case in.Peer == call.Trunk:
		w.refuseText(403, "Messages Are Not Taken From Trunks")
		return
	case !named:
		w.refuseText(404, "")
		return
	case len(w.m.Body) > maxText:
		w.refuseText(413, "Message Too Long")
		return
	case hops == 0:
		w.refuseText(483, "Too Many Hops")
		return
	}
	if in.Number != "" {
		from = string(in.Number)
		if w.e.textPaces.begin(in.Number, w.now) > 0 {
			w.retryAfter(1)
			w.refuseText(503, "Too Many Messages A Second")
			return
		}
	}
	t := Text{
		From: registrar.Number(strings.Clone(from)), To: strings.Clone(to), Peer: in.Peer, PeerName: in.PeerName,
		Hops: hops - 1, ContentType: strings.Clone(kind), Body: bytes.Clone([]byte(w.m.Body)),
	}
	s, err := w.beginServer(key)
	switch {
	case errors.Is(err, errFull):
		e.count.add(cTransactionsFull)
		w.reply(503, "Too Many Transactions")
		return
	case err != nil:
		e.count.add(cInvalid)
		w.reply(400, "")
		return
	}
	e.count.add(cTexts)
	e.flows.Prove(w.in.Flow)
	request, tag, source := w.m.Clone(), w.toTag(), w.in.Remote
	var once sync.Once
	e.o.Texts.Texted(t, func(status int) {
		once.Do(func() {
			if status < 200 || status > 699 {
				status = 500
			}
			if status > 299 {
				e.count.add(cTextsFailed)
			}
			s.answer(status, message.AppendResponse(nil, request, message.Reply{
				Status: status, Reason: phraseOf(status), ToTag: tag, Source: source,
			}))
		})
	})
}

func (w *work) refuseText(status int, phrase string) {
	w.e.count.add(cTextsFailed)
	w.reply(status, phrase)
}

// SendText sends a text on, and gives the status of its final answer: 408 where none
// came, 430 where the way is gone. It waits, until ctx ends at most.
func (e *Endpoint) SendText(ctx context.Context, to DialTarget, t Text) int {
	out, _, ok := e.way(to)
	if !ok {
		e.count.add(cDeadFlow)
		return statusFlowFailed
	}
	r := Request{
		Flow: registrar.FlowID(out.Path.Flow), Method: "MESSAGE", URI: out.URI,
		From: "<sip:" + escaped(string(t.From)) + "@" + e.o.Realm + ">", FromTag: newToken(),
		To: "<sip:" + escaped(t.To) + "@" + e.o.Realm + ">", CallID: newToken(), CSeq: 1,
		Hops: min(t.Hops, maxTextHops), ContentType: message.Clean(t.ContentType), Body: t.Body,
	}
	for _, route := range out.Routes {
		r.Header = append(r.Header, message.HeaderLine{Name: "Route", Value: route})
	}
	return e.Request(ctx, r).Status
}

func escaped(user string) string { return string(message.AppendUser(nil, user)) }
