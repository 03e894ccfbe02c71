package call

// transfer is a REFER that is being carried out. The legs by and kept were joined;
// kept stays and is to be joined with somebody else.
type transfer struct {
	// by asked for it; nil once it left.
	by   *leg
	kept *leg
	// who is the transferor, also when it left.
	who   Target
	name  string
	guest bool
	id    uint32 // of Referred
	quiet bool
	news  int // the last status told
	// finding: FindDialog is not answered yet.
	finding bool
	// recall: the transferor left and the target did not answer, so the transferor is
	// called back.
	recall bool
}

// referred: one of the two who talk asks for a transfer of the other.
func (c *Call) referred(l *leg, ev Referred) {
	kept := c.partner(l)
	if kept == nil || l.state != legUp || kept.state != legUp || c.transfer != nil || c.join != nil || c.hunt != nil || l.referred != 0 {
		c.tell(l, ReferReply{ID: ev.ID, Cause: Cause{Status: 491, Phrase: "the call is in a change"}})
		return
	}
	to, ok := c.cfg.Router.Number(ev.To)
	if !ok && ev.Replaces == nil {
		c.tell(l, ReferReply{ID: ev.ID, Cause: Cause{Status: 403, Phrase: "only numbers of ours can be transferred to"}})
		return
	}
	l.referred = ev.ID
	c.transfer = &transfer{by: l, kept: kept, who: l.target, name: l.party.Name, guest: l.guest, id: ev.ID, quiet: ev.Quiet}
	if ev.Replaces == nil {
		c.acceptRefer()
		c.blindTransfer(to)
		return
	}
	c.transfer.finding = true
	c.find, c.findDeadline = c.newID(), c.now.Add(c.cfg.Limits.Exchange)
	c.do(FindDialog{ID: c.find, Dialog: *ev.Replaces})
}

func (c *Call) acceptRefer() {
	t := c.transfer
	c.tell(t.by, ReferReply{ID: t.id})
	t.by.referred = 0
	c.referNews(100, "Trying")
}

// referNews tells the transferor how it goes on, once each time that it is news.
func (c *Call) referNews(status int, phrase string) {
	t := c.transfer
	if t.by == nil || t.quiet || t.news == status || t.by.referred != 0 {
		return
	}
	t.news = status
	c.tell(t.by, ReferNews{ID: t.id, Status: status, Phrase: phrase})
}

// blindTransfer looks for the target, which is asked for an offer (RFC 3725 §4.1).
func (c *Call) blindTransfer(to string) {
	t := c.transfer
	c.startHunt(&hunt{
		query:    Query{From: t.who.Number, Peer: t.who.Kind, PeerName: t.who.Name, Guest: t.guest},
		from:     t.kept.party,
		caller:   t.kept,
		transfer: true, hops: transferHops,
		visited: []string{c.cfg.System + "/" + to},
	}, to)
}

// transferHops is how many systems a transferred call may pass: it begins here.
const transferHops = 70

// transferAnswered: the target answered, with its offer.
func (c *Call) transferAnswered(z *leg, offer Body) {
	z.deadline = noTime
	c.join = &join{kind: joinBlind, first: z, second: c.transfer.kept, offer: offer}
	c.joinNow()
}

// notFound: the dialog to replace is none of ours, or not free to be taken.
func (c *Call) notFound(ev NotFound) {
	if c.find == 0 || c.find != ev.ID {
		return
	}
	c.find, c.findDeadline = 0, noTime
	t := c.transfer
	if t == nil || !t.finding {
		return // the call ended meanwhile
	}
	t.finding = false
	cause := ev.Cause
	if cause.Status < 300 {
		cause = Cause{Status: 481, Phrase: "there is no such call"}
	}
	if t.by == nil {
		c.transferFailed(cause)
		return
	}
	c.transfer = nil
	c.tell(t.by, ReferReply{ID: t.id, Cause: cause})
	t.by.referred = 0
}

// transferFailed: the target is not reached. The two who talked go on, or the
// transferor is called back where it left.
func (c *Call) transferFailed(cause Cause) {
	t := c.transfer
	if t.by != nil {
		r := refusal(cause)
		c.referNews(r.Status, r.why())
		c.transfer = nil
		return
	}
	if t.recall || t.who.Number == "" || t.kept.state != legUp {
		c.transfer = nil
		c.finish(bySystem, Cause{Status: cause.Status, Phrase: "transfer failed: " + cause.why()})
		return
	}
	t.recall, t.news = true, 0
	c.blindTransfer(string(t.who.Number))
}

// transferorLeft: who asked for the transfer hung up before its end, as most
// phones do.
func (c *Call) transferorLeft(l *leg) {
	t := c.transfer
	t.by = nil
	l.referred = 0
	c.legOver(l)
	c.vacate(l)
	if t.finding || c.hunt != nil || c.join != nil {
		return
	}
	c.transferFailed(Cause{Status: 480})
}

// vacate takes a leg out of the two who talk.
func (c *Call) vacate(l *leg) {
	if c.a == l {
		c.a = nil
	}
	if c.b == l {
		c.b = nil
	}
}

// transferDone: kept and z talk, and the transferor goes.
func (c *Call) transferDone(z *leg) {
	t := c.transfer
	c.transfer = nil
	if !t.recall {
		c.rec.Transfers = append(c.rec.Transfers, string(t.who.Number))
	}
	if t.by != nil {
		if !t.quiet {
			c.tell(t.by, ReferNews{ID: t.id, Status: 200, Phrase: "OK"})
		}
		by := t.by
		c.takePlace(z, t.kept)
		c.end(by, Cause{Phrase: "transferred"})
		return
	}
	c.takePlace(z, t.kept)
}

// takePlace makes z talk to kept, in the place of whom kept talked to.
func (c *Call) takePlace(z, kept *leg) {
	if c.a == kept {
		c.b = z
		c.rec.To = z.record(c.cfg.System)
		return
	}
	c.a, c.b = z, kept
	c.rec.From = z.record(c.cfg.System)
}
