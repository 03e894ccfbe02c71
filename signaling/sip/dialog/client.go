package dialog

import (
	"time"

	"roost/signaling/call"
	"roost/signaling/sip/message"
	"roost/signaling/sip/transaction"
)

// purpose is what a request of ours is for.
type purpose uint8

const (
	forCall    purpose = iota + 1 // the INVITE that begins the leg
	forOffer                      // re-INVITE or UPDATE with a wish
	forRefresh                    // the same for the session timer
	forPrack
	forCancel
	forBye
	forForkBye
	forTell
	forNews // NOTIFY
)

// client is one request of ours and its transaction.
type client struct {
	purpose purpose
	method  string
	branch  string
	cseq    uint32
	id      uint32 // the action's that it serves
	path    Path
	uri     string
	routes  []string
	to      string // with the tag that the request carried
	body    call.Body
	wish    wish
	sub     *transfer
	what    request // to write it anew
	tries   int

	tx       transaction.Client
	inviteTx transaction.InviteClient
	ack      []byte // of a 2xx, repeated for each that comes again
	forkAcks []forkAck
	abandon  time.Time // when an INVITE without a final response is cancelled, or given up
	cancel   bool      // its CANCEL was sent
	over     bool
}

// forkAck is the ACK of a 2xx from another branch than the one we talk to.
type forkAck struct {
	tag   string
	bytes []byte
}

// request is what a request of ours carries besides what each has.
type request struct {
	method  string
	to      *far   // the dialog that it is sent in
	header  []byte // whole lines
	body    call.Body
	hops    int // Max-Forwards, 70 where 0
	contact bool
	auth    string // header line of credentials
}

func (c *client) invite() bool { return c.method == "INVITE" }

func (c *client) next() time.Time {
	if !c.invite() {
		return c.tx.Next()
	}
	n := earliest{c.inviteTx.Next()}
	n.add(c.abandon)
	return n.at
}

// waiting tells that no final response came yet.
func (c *client) waiting() bool {
	s := c.tx.State()
	if c.invite() {
		s = c.inviteTx.State()
	}
	return s == transaction.Calling || s == transaction.Trying || s == transaction.Proceeding
}

// start sends a request in a new transaction.
func (l *Leg) start(c *client, r request) *client {
	if c.cseq == 0 {
		l.cseq++
		c.cseq = l.cseq
	}
	if c.branch == "" {
		c.branch = message.MagicCookie + l.c.token(12)
	}
	c.method, c.path, c.what, c.body = r.method, l.path, r, r.body
	c.uri, c.routes = r.to.hop()
	c.to = tagged(l.them, r.to.tag)
	bytes := l.write(c, r)
	if len(l.clients) >= maxClients {
		l.odd(OddStorm)
		c.over = true
		l.outcome(c, result{status: 503, reason: "Too Many Requests Are Open"})
		return c
	}
	l.clients = append(l.clients, c)
	if c.invite() {
		l.clientEffects(c, c.inviteTx.Start(bytes, c.path.Reliable, l.c.Timers, l.now), nil)
	} else {
		l.clientEffects(c, c.tx.Start(bytes, c.path.Reliable, l.c.Timers, l.now), nil)
	}
	return c
}

// again sends a request anew with another CSeq and branch: after a challenge, 422 …
func (l *Leg) again(old *client, r request) {
	c := &client{
		purpose: old.purpose, id: old.id, wish: old.wish, sub: old.sub, tries: old.tries + 1,
		abandon: old.abandon,
	}
	l.start(c, r)
}

// clientEffects carries out what a client transaction wants; m is the response that
// it is about.
func (l *Leg) clientEffects(c *client, fx transaction.Effects, m *message.Message) {
	if fx.Send != nil {
		l.sendRequest(c.path, fx.Send, c.branch)
	}
	if fx.Ended {
		c.over = true
	}
	switch {
	case fx.Deliver && m.Status < 200:
		l.provisional(c, m)
	case fx.Deliver:
		l.outcome(c, resultOf(m))
	case fx.TimedOut:
		l.outcome(c, result{status: 408, reason: "No Answer", local: true})
	case fx.Failed:
		l.outcome(c, result{status: 430, reason: "Flow Failed", local: true})
	}
}

// result is how a request of ours ended: by a final response, or without one (local).
type result struct {
	status int
	reason string
	local  bool
	m      *message.Message // nil where local
}

func resultOf(m *message.Message) result { return result{status: m.Status, reason: m.Reason, m: m} }

func (r result) ok() bool { return r.status >= 200 && r.status < 300 }

// response finds the transaction of a response.
func (l *Leg) response(m *message.Message) {
	branch := m.Via.Branch()
	for _, c := range l.clients {
		if c.branch != branch || c.method != m.CSeqMethod || c.cseq != m.CSeq || c.over {
			continue
		}
		if m.CallID != l.callID {
			break
		}
		if c.invite() {
			ack := func() []byte { return l.writeRefusalAck(c, m) }
			l.clientEffects(c, c.inviteTx.Receive(m.Status, ack, l.now), m)
		} else {
			l.clientEffects(c, c.tx.Receive(m.Status, l.now), m)
		}
		return
	}
	l.odd(OddStray)
}

func (l *Leg) clientTick(c *client) {
	if c.over {
		return
	}
	if !c.invite() {
		l.clientEffects(c, c.tx.Tick(l.now), nil)
		return
	}
	if !c.abandon.IsZero() && !l.now.Before(c.abandon) {
		c.abandon = time.Time{}
		if c.purpose == forCall && l.out != nil && !l.out.cancel {
			l.giveUp(call.Cause{Status: 408, Phrase: "not answered in time"})
			return
		}
		if !c.cancel && c.inviteTx.State() == transaction.Proceeding {
			l.sendCancel(c, call.Cause{Status: 408, Phrase: "not answered in time"})
			return
		}
		if c.waiting() {
			l.clientEffects(c, c.inviteTx.Abandon(), nil)
			l.outcome(c, result{status: 487, reason: "Cancelled Without An Answer", local: true})
			return
		}
	}
	l.clientEffects(c, c.inviteTx.Tick(l.now), nil)
}

// Failed takes it that the transport could not send a request.
func (l *Leg) Failed(branch string, now time.Time, fx *Effects) {
	l.begin(now, fx)
	defer l.end()
	for _, c := range l.clients {
		if c.branch != branch || c.over {
			continue
		}
		if c.invite() {
			l.clientEffects(c, c.inviteTx.Failed(), nil)
		} else {
			l.clientEffects(c, c.tx.Failed(), nil)
		}
	}
}

// provisional takes a 1xx.
func (l *Leg) provisional(c *client, m *message.Message) {
	if c.purpose == forCall {
		l.ringing(c, m)
	}
}

// outcome takes the end of a request of ours: a final response or none.
func (l *Leg) outcome(c *client, r result) {
	if (r.status == 401 || r.status == 407) && l.authorize(c, r) {
		return
	}
	switch c.purpose {
	case forCall:
		l.called(c, r)
	case forOffer, forRefresh:
		l.agreed(c, r)
	case forTell:
		l.told(c, r)
	case forNews:
		l.newsTold(c, r)
	case forPrack:
		l.prackRefused(c, r)
	}
}

// authorize answers a challenge where it can be, once for each request.
func (l *Leg) authorize(c *client, r result) bool {
	switch {
	case l.auth == nil, r.m == nil, c.what.auth != "", c.tries >= maxTries, c.purpose == forCancel:
		return false
	case c.purpose == forCall && l.out != nil && l.out.cancel:
		return false
	}
	id, name := message.HWWWAuthenticate, "Authorization"
	if r.status == 407 {
		id, name = message.HProxyAuthenticate, "Proxy-Authorization"
	}
	for challenge := range r.m.Values(id) {
		credentials, ok := l.auth(challenge, c.method, c.uri)
		if !ok {
			continue
		}
		again := c.what
		again.auth = name + ": " + message.Clean(credentials) + "\r\n"
		l.again(c, again)
		return true
	}
	return false
}

func (l *Leg) sendRequest(p Path, b []byte, branch string) {
	l.fx.Sends = append(l.fx.Sends, Send{Bytes: b, Flow: p.Flow, Branch: branch})
}
