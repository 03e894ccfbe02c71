package sip

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// register answers a REGISTER (RFC 3261 10.3) without a transaction: every
// answer can be given again from the request and the binding.
func (w *work) register() {
	if !w.addressOfRecord() {
		return
	}
	kind, ok := w.readContacts()
	if !ok {
		return
	}
	decision, ok := w.ask(kind)
	if !ok {
		return
	}
	if kind == KindKeepAlive {
		w.e.count.add(cKeepAlives)
		w.line("Date", w.e.date.at(w.now))
		w.reply(200, "")
		return
	}
	verdict, ok, replayed := w.verify(decision.Floor)
	if !ok || !w.agree(verdict.User) {
		return
	}
	w.request.Update = registrar.Update{
		Number: w.number, Protocol: registrar.SIP,
		Transport: w.peer.Transport, Source: w.peer.Source, Flow: w.peer.Flow,
		CallID: w.m.CallID, CSeq: w.m.CSeq, Branch: w.branchHash(),
		Nonce: verdict.Used.Nonce, NonceCount: verdict.Used.Count,
		UserAgent: w.agent, Path: w.path(), Contacts: w.contacts, Star: w.request.Star,
	}
	w.request.Kind, w.request.Repeat, w.request.Now = kind, replayed, w.now
	w.e.o.Office.Register(&w.request, &w.answer)
	w.tellSubscribers()
	w.registered(kind)
}

// tellSubscribers has the phone's subscriptions (RFC 3680) hear of what its REGISTER
// changed once the answer is written: a NOTIFY must not overtake the 200.
func (w *work) tellSubscribers() {
	changes := w.answer.Result.Changes
	if !slices.ContainsFunc(changes, isNews) || !w.e.Subscribed(w.number) {
		return
	}
	e, kept := w.e, slices.Clone(changes) // w serves another message by then
	w.in.Then = func() { e.Changed(kept...) }
}

// addressOfRecord reads whom the REGISTER is about (RFC 3261 10.3 steps 1 and
// 5). A number that nobody has goes on like any other.
func (w *work) addressOfRecord() bool {
	if !w.ours(w.m.Target.Host) || !w.ours(w.m.To.URI.Host) {
		w.e.count.add(cForeignDomain)
		w.e.quiet.warn(cForeignDomain).Stringer("source", w.peer.Source).
			Str("domain", cut(w.m.To.URI.Host)).Str("served", w.e.o.Realm).
			Msg("REGISTER for a domain that is not served here")
		w.reply(404, "Domain Not Served Here")
		return false
	}
	n, ok := w.m.To.URI.Number()
	if !ok {
		w.reply(400, "To Names No Number")
		return false
	}
	if len(n) > registrar.MaxNumberLength {
		w.reply(400, "Number Too Long")
		return false
	}
	w.number = registrar.Number(n)
	return true
}

// registered says what became of the registration.
func (w *work) registered(kind Kind) {
	a := &w.answer
	if !w.decide(a.Decision) {
		return
	}
	if a.NotRepeated {
		w.e.count.add(cReplayed)
		w.challenge(true)
		return
	}
	if a.Err != nil {
		w.failed(a)
		return
	}
	w.keepFlow(kind, a.Result.Bound)
	outbound := false
	for i := range a.Result.Bound {
		b := &a.Result.Bound[i]
		left := b.Granted
		if kind == KindQuery {
			left = b.Remaining(w.now)
		}
		outbound = outbound || b.RegID != 0
		w.scratch = appendContact(w.scratch[:0], b, left)
		w.line("Contact", string(w.scratch))
	}
	if outbound && kind == KindRegister {
		w.line("Require", "outbound")
		w.line("Flow-Timer", w.e.flowTimer)
	}
	if p := w.request.Path; p != "" {
		w.line("Path", p)
	}
	w.line("Supported", "outbound, path")
	w.line("Date", w.e.date.at(w.now))
	w.count(kind)
	w.reply(200, "")
}

func (w *work) count(kind Kind) {
	switch kind {
	case KindQuery:
		w.e.count.add(cQueried)
	case KindUnregister:
		w.e.count.add(cUnregistered)
	default:
		w.e.count.add(cRegistered)
	}
}

// keepFlow makes the flow last as long as the registration it carries.
func (w *work) keepFlow(kind Kind, bound []registrar.Registration) {
	t := w.e.flows
	switch kind {
	case KindRegister:
		if !w.in.Proven {
			t.Prove(w.in.Flow)
		}
		var longest time.Duration
		for i := range bound {
			if bound[i].RegID != 0 {
				t.SetIdle(w.in.Flow, w.e.o.FlowTimer+flowTimerGrace)
				return
			}
			longest = max(longest, time.Duration(bound[i].Granted)*time.Second)
		}
		if !w.in.Proven || longest > idleAsUsual {
			t.SetIdle(w.in.Flow, max(longest, idleAsUsual)+flowTimerGrace)
		}
	case KindUnregister:
		// A stream may carry other phones; its end would end them.
		if len(bound) == 0 && w.in.Transport == flow.UDP {
			t.Unprove(w.in.Flow)
		}
	}
}

const (
	// flowTimerGrace is how much later than agreed a keep-alive may come.
	flowTimerGrace = 30 * time.Second
	// idleAsUsual is how long a registered phone's flow may be silent if its
	// lease is shorter.
	idleAsUsual = time.Hour
)

// failed answers what the registrar refused.
func (w *work) failed(a *Answer) {
	switch err := a.Err; {
	case errors.Is(err, registrar.ErrTooBrief):
		w.e.count.add(cTooBrief)
		w.line("Min-Expires", strconv.FormatUint(uint64(a.Result.MinExpires), 10))
		w.reply(423, "")
	case errors.Is(err, registrar.ErrOutOfOrder):
		w.e.count.add(cOutOfOrder)
		w.reply(500, "CSeq Out Of Order")
	case errors.Is(err, registrar.ErrTooManyContacts):
		w.e.count.add(cTooManyContacts)
		w.reply(403, "Too Many Contacts")
	case errors.Is(err, registrar.ErrNoLicence):
		w.e.count.add(cUnlicensed)
		w.e.quiet.warn(cUnlicensed).Str("number", string(w.number)).Err(err).Msg("registration refused")
		w.warning(err)
		w.reply(403, "No Licence Left")
	case errors.Is(err, registrar.ErrCapacity):
		w.e.count.add(cFull)
		w.e.quiet.warn(cFull).Str("number", string(w.number)).Err(err).Msg("registration refused")
		w.reply(503, "System Is At Its Capacity")
	case errors.Is(err, registrar.ErrBadUpdate):
		w.e.count.add(cBadContact)
		w.warning(err)
		w.reply(400, "Bad Registration")
	default:
		w.e.count.add(cRegisterFailed)
		w.e.quiet.warn(cRegisterFailed).Str("number", string(w.number)).Err(err).Msg("registration failed")
		w.reply(500, "")
	}
}

// warning tells the cause in words (RFC 3261 20.43).
func (w *work) warning(err error) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, err.Error())
	w.line("Warning", `399 `+w.e.o.Realm+` "`+text+`"`)
}

// appendContact writes one binding as the phone sent it, with what it was
// granted.
func appendContact(b []byte, r *registrar.Registration, left uint32) []byte {
	b = append(append(append(b, '<'), r.Contact...), ">;expires="...)
	b = strconv.AppendUint(b, uint64(left), 10)
	if r.Q < 1000 {
		b = append(b, ";q=0."...)
		b = append(b, byte('0'+r.Q/100), byte('0'+r.Q/10%10), byte('0'+r.Q%10))
	}
	if r.Instance != "" {
		b = append(append(append(b, `;+sip.instance="<`...), r.Instance...), `>"`...)
	}
	if r.RegID != 0 {
		b = strconv.AppendUint(append(b, ";reg-id="...), uint64(r.RegID), 10)
	}
	return b
}
