package registrar

import "time"

// checkRoom refuses a request that names more devices than a phone may have, or
// that would drive another device out where that is not allowed.
func (q *request) checkRoom() error {
	devices := 0
	for i := range q.Contacts {
		if q.Contacts[i].Expires != 0 && !q.namedBefore(i) {
			devices++
		}
	}
	if q.limits.RefuseWhenFull {
		for slot := q.head; slot != 0; slot = q.s.at(slot).next {
			if b := q.s.at(slot); !q.names(b) && q.firstOfDevice(slot) {
				devices++
			}
		}
	}
	if devices > q.limits.MaxContacts {
		return q.tooMany(devices)
	}
	return nil
}

// namedBefore: an earlier contact of the request is the same device.
func (q *request) namedBefore(i int) bool {
	c := &q.Contacts[i]
	for j := range q.Contacts[:i] {
		o := &q.Contacts[j]
		if o.Expires != 0 && sameDevice(o.Instance, o.URI, c.Instance, c.URI) {
			return true
		}
	}
	return false
}

// names: a contact of the request is the binding's device, or takes it away.
func (q *request) names(b *binding) bool {
	for i := range q.Contacts {
		c := &q.Contacts[i]
		if sameDevice(c.Instance, c.URI, b.instance(), b.contact()) || SameContact(c.URI, b.contact()) {
			return true
		}
	}
	return false
}

// firstOfDevice: no earlier binding of the phone is the same device.
func (q *request) firstOfDevice(slot uint32) bool {
	b := q.s.at(slot)
	for o := q.head; o != slot; o = q.s.at(o).next {
		p := q.s.at(o)
		if sameDevice(p.instance(), p.contact(), b.instance(), b.contact()) {
			return false
		}
	}
	return true
}

func sameDevice(instanceA, contactA, instanceB, contactB string) bool {
	if instanceA != "" || instanceB != "" {
		return instanceA == instanceB
	}
	return SameContact(contactA, contactB)
}

// convert removes what the phone has as another class or of another home: a
// phone is either an own one or a guest of one home.
func (q *request) convert() {
	for slot := q.head; slot != 0; {
		b := q.s.at(slot)
		next := b.next
		w := b.words(&q.s.of.agents, &q.s.of.homes)
		if b.protocol != q.Protocol || b.guest != q.Guest || w.home != q.Home {
			q.unbind(slot, Converted)
		}
		slot = next
	}
}

// unbindContact removes the bindings that a contact with expires=0 names. That
// there may be none is no error: what was bound through another system is not
// ours to remove.
func (q *request) unbindContact(c *Contact) {
	for slot := q.head; slot != 0; {
		b := q.s.at(slot)
		next := b.next
		if isBinding(c, b) || sameTarget(c, b) {
			q.unbind(slot, Unregistered)
		}
		slot = next
	}
}

// isBinding: the contact is this binding's, and refreshes it in its place.
func isBinding(c *Contact, b *binding) bool {
	if c.Instance != b.instance() {
		return false
	}
	if c.Instance == "" {
		return c.URI == b.contact()
	}
	return c.RegID == b.regID
}

// sameTarget: both lead to the same address, and are not two flows of one
// instance, which may well have the same contact (RFC 5626 section 6).
func sameTarget(c *Contact, b *binding) bool {
	if c.Instance != "" && c.Instance == b.instance() && c.RegID != b.regID {
		return false
	}
	return SameContact(c.URI, b.contact())
}

// bindContact refreshes the binding that the contact names, or adds one and
// makes room for it.
func (q *request) bindContact(c *Contact) {
	target := uint32(0)
	for slot := q.head; slot != 0; {
		b := q.s.at(slot)
		next := b.next
		switch {
		case isBinding(c, b):
			target = slot
		case sameTarget(c, b), q.changedOutbound(c, b):
			q.unbind(slot, Replaced)
		}
		slot = next
	}
	if target != 0 {
		q.refresh(target, c)
		return
	}
	q.makeRoom(c)
	q.add(c)
}

// changedOutbound: the same instance registers now with, and then without, a
// reg-id, or the other way round; the old way's binding is dead.
func (q *request) changedOutbound(c *Contact, b *binding) bool {
	return c.Instance != "" && c.Instance == b.instance() && (c.RegID == 0) != (b.regID == 0)
}

// makeRoom removes the oldest flows of the contact's device, and the devices
// refreshed longest ago, so far as the limits ask for it.
func (q *request) makeRoom(c *Contact) {
	for {
		flows, devices := 0, 0
		var oldFlow, oldDevice uint32
		for slot := q.head; slot != 0; slot = q.s.at(slot).next {
			b := q.s.at(slot)
			if sameDevice(c.Instance, c.URI, b.instance(), b.contact()) {
				flows++
				oldFlow = q.older(oldFlow, slot)
				continue
			}
			if q.firstOfDevice(slot) {
				devices++
			}
			oldDevice = q.older(oldDevice, slot)
		}
		switch {
		case flows >= q.limits.MaxFlows && oldFlow != 0:
			q.unbind(oldFlow, Replaced)
		case devices >= q.limits.MaxContacts && oldDevice != 0:
			q.unbind(oldDevice, Replaced)
		default:
			return
		}
	}
}

// older is the one of two slots that was refreshed longer ago; what this very
// request made is never old.
func (q *request) older(a, b uint32) uint32 {
	x := q.s.at(b)
	if x.cseq == q.CSeq && x.branch == q.Branch && x.callID() == q.CallID {
		return a
	}
	if a == 0 || x.registered() < q.s.at(a).registered() {
		return b
	}
	return a
}

func (b *binding) registered() int64 { return b.expires - int64(b.granted)*int64(time.Second) }

func (q *request) words(c *Contact, addr string) words {
	return words{contact: c.URI, callID: q.CallID, path: q.Path, instance: c.Instance,
		number: string(q.Number), agent: agentOf(q.UserAgent), home: q.Home, addr: addr}
}

// stamp puts what each REGISTER changes into a binding.
func (q *request) stamp(b *binding, c *Contact) {
	b.granted = q.grant(c)
	b.expires = q.t + int64(b.granted)*int64(time.Second)
	b.cseq, b.branch = q.CSeq, q.Branch
	b.nonce, b.nonceCount = q.Nonce, q.NonceCount
	b.transport, b.port, b.q = q.Transport, q.Source.Port(), c.Q
}

func (q *request) add(c *Contact) {
	b := binding{since: q.t, regID: regIDOf(c), flow: q.Flow, hash: q.hash,
		protocol: q.Protocol, guest: q.Guest}
	q.stamp(&b, c)
	var buf [maxAddr]byte
	addr := packAddr(buf[:0], q.Source.Addr())
	q.s.pack(&b, q.words(c, string(addr)))
	slot := q.s.add(b, q.head)
	if q.head == 0 {
		q.head = slot
	}
	q.s.of.count.bindings.Add(1)
	q.changed(Added, slot, false)
}

func (q *request) refresh(slot uint32, c *Contact) {
	b := q.s.at(slot)
	var buf [maxAddr]byte
	addr := packAddr(buf[:0], q.Source.Addr())
	old := b.words(&q.s.of.agents, &q.s.of.homes)
	altered := old.contact != c.URI || old.path != q.Path || old.agent != agentOf(q.UserAgent) ||
		old.addr != string(addr)
	if altered || old.callID != q.CallID {
		q.s.pack(b, q.words(c, string(addr)))
	}
	altered = altered || b.port != q.Source.Port() || b.transport != q.Transport || b.q != c.Q || b.flow != q.Flow
	if b.flow != q.Flow {
		q.s.unlinkFlow(slot)
		b.flow = q.Flow
		q.s.linkFlow(slot)
	}
	q.stamp(b, c)
	q.s.expiresAt(b.expires)
	q.changed(Refreshed, slot, altered)
}

func (q *request) changed(kind ChangeKind, slot uint32, altered bool) {
	q.res.Changes = append(q.res.Changes, Change{Kind: kind, Altered: altered,
		Left: q.s.length(q.head), At: q.now, Registration: q.s.registration(q.s.at(slot))})
}

// pack copies the strings into the binding.
func (s *shard) pack(b *binding, w words) {
	share := func(n *names, v string) (uint16, string) {
		if v == "" {
			return 0, ""
		}
		if id := n.id(v); id != 0 {
			return id, ""
		}
		return 0, v
	}
	b.agent, w.agent = share(&s.of.agents, w.agent)
	b.home, w.home = share(&s.of.homes, w.home)
	t := s.packed[:0]
	for _, part := range [...]string{w.contact, w.callID, w.path, w.instance, w.number, w.agent, w.home, w.addr} {
		t = append(t, part...)
	}
	b.contactLen, b.callIDLen, b.pathLen = uint16(len(w.contact)), uint16(len(w.callID)), uint16(len(w.path))
	b.instanceLen, b.numberLen = uint8(len(w.instance)), uint8(len(w.number))
	b.agentLen, b.homeLen, b.addrLen = uint8(len(w.agent)), uint8(len(w.home)), uint8(len(w.addr))
	b.text, s.packed = string(t), t
}

// grant is the lease in seconds: drawn evenly from the range allowed (GU1), and
// never more than was asked for. Where the phone asks for less than the range,
// it is drawn from the last tenth of what it asked, so that phones that started
// together do not stay together.
func (q *request) grant(c *Contact) uint32 {
	lo, hi := q.MinExpires, q.MaxExpires
	if hi == 0 {
		lo, hi = q.limits.MinExpires, q.limits.MaxExpires
	}
	if asked := q.asked(c); asked < int64(hi) {
		hi = uint32(asked)
	}
	if hi < lo {
		lo = max(hi-hi/10, min(q.limits.TooBrief, hi))
	}
	r := mix(q.s.of.seed ^ mix(uint64(q.hash)<<32|uint64(q.CSeq)) ^ q.Branch)
	return lo + uint32(r%(uint64(hi-lo)+1))
}

func (q *request) asked(c *Contact) int64 {
	if c.Expires == AskDefault {
		return int64(q.limits.DefaultExpires)
	}
	return c.Expires
}
