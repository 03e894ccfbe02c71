package sip

import (
	"errors"
	"runtime/debug"
	"strings"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// methods are those that are dealt with; the rest is 405 or 501.
var methods = []string{
	"REGISTER", "OPTIONS", "SUBSCRIBE", "INVITE", "ACK", "CANCEL", "BYE", "NOTIFY",
	"INFO", "UPDATE", "PRACK", "REFER", "MESSAGE", "PUBLISH",
}

// offered are the methods that a phone can use here, for Allow.
const offered = "REGISTER, OPTIONS, SUBSCRIBE, INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, MESSAGE, REFER, NOTIFY"

// events are the event packages that can be subscribed to, for Allow-Events.
const events = "reg"

var rules = message.Rules{Methods: methods, Extensions: []string{
	"outbound", "path", "100rel", "timer", "replaces", "norefersub",
}}

// Handle takes one message of a flow. The flow calls it for one message after
// the other, so what arrives in order is dealt with in order.
func (e *Endpoint) Handle(in *flow.Inbound) {
	w := e.works.Get().(*work)
	w.begin(e, in)
	defer e.done(w)
	w.handle()
	if len(in.Answer) > 0 && w.amplifies() {
		in.Answer, w.status = in.Answer[:0], 0
		e.count.add(cAmplifying)
	}
}

// done ends the handling of one message, also by a panic: that costs the
// message, which is answered 500, and nothing else.
func (e *Endpoint) done(w *work) {
	if p := recover(); p != nil {
		e.panicked(p, "handling of a message from "+w.in.Remote.String()+" panicked; the message is lost, nothing else")
		w.header, w.in.Answer = w.header[:0], w.in.Answer[:0]
		if w.m.Answerable() {
			w.reply(500, "")
		}
	}
	if e.o.Access != nil && w.m.Request {
		e.o.Access(Access{
			Method: strings.Clone(w.m.Method), Number: registrar.Number(strings.Clone(string(w.number))),
			Peer: w.peer, Status: w.status, At: w.now, Took: time.Since(w.now),
		})
	}
	w.end()
	e.works.Put(w)
}

func (e *Endpoint) panicked(p any, what string) {
	e.count.add(cPanics)
	if line := e.quiet.warn(cPanics); line != nil {
		line.Interface("panic", p).Bytes("stack", debug.Stack()).Msg(what)
	}
}

// guarded runs what does not run inside Handle; a panic costs what f was about.
func (e *Endpoint) guarded(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			e.panicked(p, what)
		}
	}()
	f()
}

func (w *work) handle() {
	e, in := w.e, w.in
	fault := w.m.Parse(in.Bytes, e.o.Message, in.Transport.Reliable())
	if in.Broken != nil {
		fault = brokenFault(in.Broken, fault)
	}
	if fault == nil {
		fault = w.m.Check(rules)
	}
	if fault != nil {
		w.invalid(fault)
		return
	}
	if !w.m.Request {
		e.count.add(cResponses)
		w.response()
		return
	}
	e.count.add(cRequests)
	switch w.m.Method {
	case "REGISTER":
		w.register()
	case "OPTIONS":
		w.options()
	case "ACK":
		w.ack()
	default:
		w.serve()
	}
}

// brokenFault is the fault of a stream whose next message cannot be told; the
// flow closes it.
func brokenFault(broken error, parsed *message.Fault) *message.Fault {
	f := &message.Fault{Status: 400, Reason: "Content-Length Missing Or Malformed", Close: true}
	switch {
	case errors.Is(broken, flow.ErrHeaderTooLarge):
		f.Status, f.Reason = 513, "Message Too Large"
	case errors.Is(broken, flow.ErrBodyTooLarge):
		f.Status, f.Reason = 413, "Request Entity Too Large"
	}
	if parsed != nil && parsed.Status == 0 {
		f.Status = 0
	}
	return f
}

// invalid answers what is no good message, where it can be answered.
func (w *work) invalid(f *message.Fault) {
	e := w.e
	if f.Close {
		w.in.Close = true
	}
	if f.Status == 0 || !w.m.Answerable() {
		e.count.add(cUnparsable)
		e.quiet.warn(cUnparsable).Stringer("source", w.in.Remote).Int("bytes", len(w.in.Bytes)).
			Str("fault", f.Reason).Msg("no message that can be read; dropped without an answer")
		return
	}
	if f.Status == 405 || f.Status == 501 {
		e.count.add(cMethodNotAllowed)
		w.line("Allow", offered)
		w.reply(f.Status, f.Reason)
		return
	}
	e.count.add(cInvalid)
	e.quiet.warn(cInvalid).Stringer("source", w.in.Remote).Str("method", cut(w.m.Method)).
		Int("status", f.Status).Str("fault", f.Reason).Msg("invalid request")
	w.header = append(w.header, f.Header...)
	w.reply(f.Status, f.Reason)
}

// FlowClosed hears of the end of a flow. A UDP flow is only our memory of a
// peer: it is made again when needed, and no binding dies with it.
func (e *Endpoint) FlowClosed(id flow.ID, why flow.Reason) {
	e.clients.flowClosed(id)
	if e.flows.IsUDP(id) {
		return
	}
	e.subs.flowClosed(id)
	e.guarded("ending the legs of a stream panicked", func() { e.legs.flowClosed(id, time.Now()) })
	e.o.Office.FlowClosed(registrar.FlowID(id), why)
}

// options answers OPTIONS (RFC 3261 11.2), to anybody, without a transaction.
func (w *work) options() {
	if w.m.To.Tag() != "" && w.callRequest() {
		return
	}
	w.e.count.add(cOptions)
	if w.m.To.Tag() != "" && !w.e.subs.has(w) {
		w.e.count.add(cUnknownDialog)
		w.reply(481, "")
		return
	}
	w.line("Allow", offered)
	w.line("Accept", "application/sdp")
	w.line("Supported", "outbound, path")
	w.line("Allow-Events", events)
	w.reply(200, "")
	if w.amplifies() {
		w.line("Allow", offered)
		w.reply(200, "")
	}
	if w.amplifies() {
		w.reply(200, "")
	}
}
