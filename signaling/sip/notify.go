package sip

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// tell sends a NOTIFY, or leaves it for when the one under way is answered.
func (one *subscription) tell(n *notice) {
	one.mu.Lock()
	if one.closed {
		one.mu.Unlock()
		n.tell(result{481, "no subscription"})
		return
	}
	if one.busy {
		one.next = one.next.merge(n)
		one.mu.Unlock()
		return
	}
	one.busy = true
	one.mu.Unlock()
	one.send(n)
}

// merge puts a later notice together with one that waits. What waits is not
// more than the contacts of one phone.
func (n *notice) merge(later *notice) *notice {
	if n == nil {
		return later
	}
	n.gone = append(n.gone, later.gone...)
	if over := len(n.gone) - registrar.MaxContactsInRequest; over > 0 {
		n.gone = n.gone[over:]
	}
	n.told = append(n.told, later.told...)
	if later.goHome != nil {
		n.goHome = later.goHome
	}
	if later.ends != "" {
		n.ends = later.ends
	}
	return n
}

// send writes one NOTIFY and goes on with the next when it is answered.
func (one *subscription) send(n *notice) {
	e := one.e
	now := time.Now()
	id, t, err := one.live()
	if err != nil {
		one.answered(n, result{statusFlowFailed, "flow is gone"})
		return
	}
	branch := newBranch()
	contacts := one.contacts(n, now)
	one.mu.Lock()
	left := one.expires.Sub(now)
	if n.ends == "" && left <= 0 {
		n.ends = "timeout"
	}
	one.request.cseq++
	body := writeRegInfo(e.aor(one.number), one.number, one.version, contacts)
	one.version++
	bytes := one.appendNotify(nil, branch, n, left, body)
	one.mu.Unlock()
	if n.ends != "" {
		e.subs.remove(one)
	}
	e.clients.send(id, t, "NOTIFY", branch, bytes, func(r result) { one.answered(n, r) })
}

// answered takes the result of a NOTIFY. A subscriber that knows nothing of its
// subscription, or does not answer, has none any more (RFC 6665 4.2.2).
func (one *subscription) answered(n *notice, r result) {
	if r.ok() {
		one.e.count.add(cNotified)
	} else {
		one.e.count.add(cNotifyFailed)
		one.e.subs.remove(one)
	}
	n.tell(r)
	one.mu.Lock()
	next := one.next
	one.next = nil
	if next == nil || one.closed {
		one.busy = false
		one.mu.Unlock()
		next.tell(result{481, "subscription ended"})
		return
	}
	one.mu.Unlock()
	one.send(next)
}

// live gives the flow to the phone. A UDP flow that was forgotten is made again.
func (one *subscription) live() (flow.ID, flow.Transport, error) {
	one.mu.Lock()
	id, peer, local := one.flow, one.peer, one.local
	one.mu.Unlock()
	if _, ok := one.e.flows.Info(id); ok || peer.Transport.Stream() {
		return id, local.Transport, nil
	}
	id, err := one.e.flows.UDPFlow(local.Addr, peer.Source)
	if err != nil {
		return 0, flow.UDP, fmt.Errorf("NOTIFY to %s: %w", peer.Source, err)
	}
	one.e.subs.reflow(one, id)
	return id, flow.UDP, nil
}

// contacts are what a NOTIFY shows: the bindings that stand, and those that are
// gone since.
func (one *subscription) contacts(n *notice, now time.Time) []regInfoContact {
	out := make([]regInfoContact, 0, 2+len(n.gone))
	for _, r := range one.e.o.Office.Lookup(one.number, now) {
		c := infoOf(&r)
		c.state, c.event, c.expires = "active", eventRegistered, int64(r.Remaining(now))
		if r.Registered.After(r.Since) {
			c.event = eventRefreshed
		}
		if n.goHome != nil {
			if c.id == n.goHome.id {
				continue
			}
			c.state, c.event = "terminated", eventDeactivated
		}
		out = append(out, c)
	}
	if n.goHome != nil {
		out = append(out, *n.goHome)
	}
	return append(out, n.gone...)
}

// infoOf names a binding for the length of its life.
func infoOf(r *registrar.Registration) regInfoContact {
	key := r.Key()
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		key = key[i+1:]
	}
	return regInfoContact{id: "c" + key, uri: r.Contact}
}

// contact is where the phone's further SUBSCRIBEs go: here. one.mu is held.
func (one *subscription) contact() string {
	s := "<sip:" + one.e.shown(one.local.Addr).String()
	switch one.local.Transport {
	case flow.TCP:
		s += ";transport=tcp"
	case flow.TLS:
		s += ";transport=tls"
	case flow.WS, flow.WSS: // RFC 7118 §5.2.4 has one word for both
		s += ";transport=ws"
	}
	return s + ">"
}

// appendNotify writes the NOTIFY. one.mu is held.
func (one *subscription) appendNotify(b []byte, branch string, n *notice, left time.Duration, body []byte) []byte {
	r := &one.request
	line := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	b = append(append(append(b, "NOTIFY "...), r.target...), " SIP/2.0\r\n"...)
	line("Via", "SIP/2.0/"+one.local.Transport.String()+" "+one.e.shown(one.local.Addr).String()+";rport;branch="+branch)
	line("Max-Forwards", "70")
	for _, route := range r.routes {
		line("Route", route)
	}
	line("From", r.from)
	line("To", r.to)
	line("Call-ID", r.callID)
	line("CSeq", strconv.FormatUint(uint64(r.cseq), 10)+" NOTIFY")
	line("Contact", one.contact())
	line("Event", r.event)
	if n.ends != "" {
		line("Subscription-State", "terminated;reason="+n.ends)
	} else {
		line("Subscription-State", "active;expires="+strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10))
	}
	line("Content-Type", regInfoType)
	line("Content-Length", strconv.Itoa(len(body)))
	return append(append(b, "\r\n"...), body...)
}

// end ends a subscription and says so.
func (one *subscription) end(reason string) { one.tell(&notice{ends: reason}) }
