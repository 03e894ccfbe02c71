package sip

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"roost/registrar"
)

// serve deals with the methods that have transactions: all but REGISTER,
// OPTIONS and ACK. A stranger gets a challenge or a refusal without one, so
// that it costs nothing that lasts.
func (w *work) serve() {
	if w.callRequest() {
		return
	}
	if w.m.Method == "CANCEL" {
		w.cancel()
		return
	}
	key := w.serverKey(w.m.Method)
	if s := w.e.servers.find(key); s != nil {
		w.e.count.add(cRepeated)
		// The error says only that the method is another, which the key excludes.
		_ = s.tx.Receive(s.origin)
		return
	}
	if w.m.To.Tag() != "" {
		w.inDialog(key)
		return
	}
	switch w.m.Method {
	case "BYE", "NOTIFY", "INFO", "UPDATE", "PRACK":
		w.unknownDialog()
		return
	}
	if w.m.Method == "INVITE" {
		w.invite(key)
		return
	}
	if w.m.Method == "MESSAGE" && w.e.o.Texts != nil && w.e.o.Calls != nil {
		w.text(key)
		return
	}
	if !w.authorized() {
		return
	}
	w.transact(key, w.outOfDialog)
}

// inDialog is a request that claims a dialog; ours are subscriptions; a call's
// requests went to its leg.
func (w *work) inDialog(key string) {
	if w.m.Method != "SUBSCRIBE" || !w.e.subs.has(w) {
		w.strayCall(key)
		return
	}
	if !w.authorized() {
		return
	}
	w.transact(key, w.subscribe)
}

func (w *work) unknownDialog() {
	w.e.count.add(cUnknownDialog)
	w.reply(481, "")
}

// transact opens a transaction and lets answer give its final response with
// reply. What answer returns is done once the response was sent.
func (w *work) transact(key string, answer func() (after func())) {
	s, err := w.beginServer(key)
	switch {
	case errors.Is(err, errFull):
		w.e.count.add(cTransactionsFull)
		w.e.quiet.warn(cTransactionsFull).Int("limit", w.e.servers.most).
			Msg("too many open transactions: request refused")
		w.reply(503, "Too Many Transactions")
		return
	case err != nil:
		w.e.count.add(cInvalid)
		w.e.quiet.warn(cInvalid).Stringer("source", w.in.Remote).Err(err).Msg("request cannot be read")
		w.reply(400, "")
		return
	}
	answered := false
	defer func() {
		if !answered { // by a panic: nothing else would ever end it
			s.tx.Terminate()
		}
	}()
	after := answer()
	s.respond(w)
	answered = true
	if after != nil {
		after()
	}
}

// outOfDialog answers an authorised request that begins something.
func (w *work) outOfDialog() (after func()) {
	switch w.m.Method {
	case "SUBSCRIBE":
		return w.subscribe()
	default:
		w.e.count.add(cMethodNotAllowed)
		w.line("Allow", offered)
		w.reply(405, "")
	}
	return nil
}

// authorized asks the Office, checks the credentials, and answers if either
// says no. The number is that of From.
func (w *work) authorized() bool {
	n, ok := w.m.From.URI.Number()
	if !ok || len(n) > registrar.MaxNumberLength {
		w.reply(403, "From Names No Number")
		return false
	}
	w.number = registrar.Number(n)
	d, ok := w.ask(KindRequest)
	if !ok {
		return false
	}
	verdict, ok, replayed := w.verify(d.Floor)
	if !ok {
		return false
	}
	if replayed {
		// A retransmission would have met its transaction.
		w.e.count.add(cReplayed)
		w.challenge(true)
		return false
	}
	return w.agree(verdict.User)
}

// cancel ends nothing yet that has no final response; it is answered as RFC
// 3261 9.2 says.
func (w *work) cancel() {
	if w.e.servers.find(w.serverKey("INVITE")) == nil {
		w.e.count.add(cNoTransaction)
		w.reply(481, "")
		return
	}
	w.reply(200, "")
}

// ack belongs to the refusal of an INVITE, or to nothing.
func (w *work) ack() {
	if w.callRequest() {
		return
	}
	s := w.e.servers.find(w.serverKey("INVITE"))
	if s == nil {
		w.e.count.add(cNoTransaction)
		return
	}
	_ = s.tx.Receive(sip.NewRequest(sip.ACK, sip.Uri{}))
}
