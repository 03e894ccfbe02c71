package sip

import (
	"net/netip"
	"strings"

	"roost/registrar"
	"roost/signaling/sip/message"
)

// readContacts reads the contacts of a REGISTER into w.contacts and says what
// the request is about; it answers and returns false if they cannot be used
// (RFC 3261 10.3 steps 6 and 7, RFC 5626 6).
func (w *work) readContacts() (kind Kind, ok bool) {
	header, hasHeader := w.m.Expires()
	outbound := w.m.Token(message.HSupported, "outbound") || w.m.Token(message.HRequire, "outbound")
	firstHop := w.firstHop()
	var n tally
	for value := range w.m.List(message.HContact) {
		if value == "*" {
			return w.star(header, hasHeader)
		}
		if len(w.contacts) == registrar.MaxContactsInRequest {
			w.e.count.add(cTooManyContacts)
			w.reply(403, "Too Many Contacts")
			return 0, false
		}
		c, err := message.ParseContact(value)
		if err != nil {
			return 0, w.badContact("Malformed Contact")
		}
		r := bindingOf(&c)
		if r.Expires == registrar.AskDefault && hasHeader {
			r.Expires = int64(header)
		}
		if !outbound || c.Instance == "" {
			r.RegID = 0
		}
		if r.RegID != 0 && !firstHop {
			w.reply(439, "")
			return 0, false
		}
		if r.Expires != 0 {
			if reason := w.unusable(&c, r.URI); reason != "" {
				return 0, w.badContact(reason)
			}
		}
		n.add(&c, &r)
		w.contacts = append(w.contacts, r)
	}
	if n.bound > 1 && n.flows > 0 {
		return 0, w.badContact("Several Contacts With reg-id")
	}
	return n.kind(), true
}

// tally counts what the contacts of a REGISTER want.
type tally struct{ bound, removed, polls, flows int }

func (n *tally) add(c *message.Contact, r *registrar.Contact) {
	if r.Expires == 0 {
		n.removed++
	} else {
		n.bound++
	}
	if c.CiscoKeepAlive && c.HasExpires && c.Expires == 0 {
		n.polls++
	}
	if r.RegID != 0 {
		n.flows++
	}
}

func (n *tally) kind() Kind {
	switch {
	case n.bound > 0:
		return KindRegister
	case n.polls > 0 && n.polls == n.removed:
		return KindKeepAlive
	case n.removed > 0:
		return KindUnregister
	}
	return KindQuery
}

// bindingOf is a contact as the registrar takes it.
func bindingOf(c *message.Contact) registrar.Contact {
	r := registrar.Contact{
		URI: withoutHeaders(c.Address), Instance: c.Instance, RegID: c.RegID, Q: 1000, Expires: registrar.AskDefault,
	}
	if c.Q >= 0 {
		r.Q = uint16(c.Q)
	}
	if c.HasExpires {
		r.Expires = int64(c.Expires)
	}
	return r
}

func (w *work) badContact(reason string) bool {
	w.e.count.add(cBadContact)
	w.reply(400, reason)
	return false
}

// star is "Contact: *", which only ever removes, with "Expires: 0" and no other
// contact (RFC 3261 10.2.2).
func (w *work) star(expires uint32, has bool) (Kind, bool) {
	n := 0
	for range w.m.List(message.HContact) {
		n++
	}
	if n > 1 {
		return 0, w.badContact("Contact * With Other Contacts")
	}
	if !has || expires != 0 {
		return 0, w.badContact("Contact * Without Expires 0")
	}
	w.request.Star = true
	return KindUnregister, true
}

// firstHop says whether the phone, or a trusted proxy whose Path says that it
// keeps the flow ("ob"), sent us the request itself (RFC 5626 6).
func (w *work) firstHop() bool {
	vias := 0
	for range w.m.List(message.HVia) {
		vias++
	}
	if vias == 1 {
		return true
	}
	if !w.trustedProxy() {
		return false
	}
	for p := range w.m.List(message.HPath) {
		a, err := message.ParseAddress(p)
		return err == nil && a.URI.Params.Has("ob")
	}
	return false
}

// path is the Path that a REGISTER came by (RFC 3327), "" if none. A phone's
// own word on it is not taken: it would send its calls to any third party.
func (w *work) path() string {
	if !w.m.Has(message.HPath) {
		return ""
	}
	if !w.trustedProxy() {
		w.e.count.add(cPathIgnored)
		return ""
	}
	var all []string
	for p := range w.m.Values(message.HPath) {
		all = append(all, p)
	}
	return strings.Join(all, ", ")
}

func (w *work) trustedProxy() bool {
	for _, p := range w.e.o.Proxies {
		if p.Contains(w.peer.Source.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// unusable says what is wrong with a contact to be bound, "" if nothing.
func (w *work) unusable(c *message.Contact, text string) string {
	u := c.URI
	switch {
	case strings.ContainsAny(c.Instance, "\"\\<>"):
		return "Malformed Instance"
	case u.Scheme != "sip" && u.Scheme != "sips":
		return "Contact Is No SIP URI"
	case len(text) > registrar.MaxContactLength:
		return "Contact Too Long"
	case w.e.isHere(u):
		return "Contact Points At The Registrar"
	}
	return ""
}

// withoutHeaders leaves out what a URI would add to requests sent to it.
func withoutHeaders(a message.Address) string {
	if a.URI.Headers == "" {
		return strings.TrimSuffix(a.Text, "?")
	}
	return strings.TrimSuffix(a.Text, "?"+a.URI.Headers)
}

// isHere says whether a URI leads back to this endpoint: requests sent there
// would come round again (RFC 5393).
func (e *Endpoint) isHere(u message.URI) bool {
	secure := u.Scheme == "sips"
	if t, ok := u.Params.Get("transport"); ok && strings.EqualFold(t, "tls") {
		secure = true
	}
	port := u.Port
	if port == 0 {
		port = 5060
		if secure {
			port = 5061
		}
	}
	if !e.ports[port] {
		return false
	}
	if a, err := netip.ParseAddr(u.Host); err == nil {
		return e.addrs[a.Unmap()]
	}
	for _, h := range e.hosts {
		if strings.EqualFold(h, u.Host) {
			return true
		}
	}
	return false
}
