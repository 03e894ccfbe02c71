package dialog

import (
	"strconv"

	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// What a leg can do.
const (
	allowed   = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, MESSAGE, REFER, NOTIFY, SUBSCRIBE"
	supported = "100rel, timer, replaces, norefersub"
	// supportedLess is for an INVITE without an offer: a reliable provisional response
	// to it would carry the offer, and its PRACK the answer.
	supportedLess = "timer, replaces, norefersub"
	hopsDefault   = 70
)

// hop gives Request-URI and Route of a request within a dialog (RFC 3261 §12.2.1.1):
// a strict router stands in the Request-URI, and the target at the end of the route.
func (d *far) hop() (uri string, routes []string) {
	if len(d.routes) == 0 || looseRouter(d.routes[0]) {
		return d.target, d.routes
	}
	first, err := message.ParseAddress(d.routes[0])
	if err != nil {
		return d.target, d.routes
	}
	routes = append(routes, d.routes[1:]...)
	return first.Text, append(routes, "<"+d.target+">")
}

func looseRouter(route string) bool {
	a, err := message.ParseAddress(route)
	return err == nil && a.URI.Params.Has("lr")
}

// tagged is an address with its tag.
func tagged(address, tag string) string {
	if tag == "" {
		return address
	}
	return address + ";tag=" + tag
}

// write makes the bytes of a request.
func (l *Leg) write(c *client, r request) []byte {
	b := make([]byte, 0, 512+len(r.header)+len(r.body.Data))
	b = l.appendHead(b, c, r.method)
	b = message.AppendHeader(b, "To", c.to)
	b = append(b, r.auth...)
	if r.contact {
		b = l.appendContact(b)
	}
	if l.c.Product != "" {
		b = message.AppendHeader(b, "User-Agent", l.c.Product)
	}
	b = append(b, r.header...)
	return message.AppendBody(b, r.body.Type, r.body.Data)
}

// appendHead writes what a request, its CANCEL and the ACK of its refusal have in
// common: all before To.
func (l *Leg) appendHead(b []byte, c *client, method string) []byte {
	b = message.AppendRequestLine(b, method, c.uri)
	b = append(append(b, "Via: SIP/2.0/"...), c.path.Transport...)
	b = append(append(b, ' '), c.path.Local...)
	b = append(append(append(b, ";rport;branch="...), c.branch...), "\r\n"...)
	hops := c.what.hops
	if hops == 0 {
		hops = hopsDefault
	}
	b = message.AppendNumber(b, "Max-Forwards", uint64(hops))
	for _, route := range c.routes {
		b = message.AppendHeader(b, "Route", route)
	}
	b = append(append(append(b, "From: "...), l.us...), ";tag="...)
	b = append(append(b, l.tag...), "\r\n"...)
	b = message.AppendHeader(b, "Call-ID", l.callID)
	b = append(strconv.AppendUint(append(b, "CSeq: "...), uint64(c.cseq), 10), ' ')
	return append(append(b, method...), "\r\n"...)
}

// writeRefusalAck is the ACK of a refusal (RFC 3261 §17.1.1.3).
func (l *Leg) writeRefusalAck(c *client, m *message.Message) []byte {
	to, _ := m.Get(message.HTo)
	b := l.appendHead(make([]byte, 0, 384), c, "ACK")
	b = message.AppendHeader(b, "To", to)
	return message.AppendBody(b, "", nil)
}

// writeAck is the ACK of a 2xx, a request of its own in the dialog (§13.2.2.4); the
// credentials are those of the INVITE (§22.1).
func (l *Leg) writeAck(c *client, d *far, body call.Body) []byte {
	uri, routes := d.hop()
	ack := client{
		branch: message.MagicCookie + l.c.token(12), cseq: c.cseq, path: l.path, uri: uri, routes: routes,
	}
	b := l.appendHead(make([]byte, 0, 384+len(body.Data)), &ack, "ACK")
	b = message.AppendHeader(b, "To", tagged(l.them, d.tag))
	b = append(b, c.what.auth...)
	return message.AppendBody(b, body.Type, body.Data)
}

func (l *Leg) appendContact(b []byte) []byte {
	b = append(b, "Contact: <sip"...)
	if l.secure {
		b = append(b, 's')
	}
	b = append(b, ':')
	if l.contactUser != "" {
		b = append(message.AppendUser(b, l.contactUser), '@')
	}
	b = append(b, l.path.Local...)
	switch l.path.Transport {
	case "TCP":
		b = append(b, ";transport=tcp"...)
	case "TLS":
		if !l.secure {
			b = append(b, ";transport=tls"...)
		}
	case "WS", "WSS":
		b = append(b, ";transport=ws"...) // RFC 7118 §5.2: for both
	}
	return append(b, ">\r\n"...)
}

// learn takes from a message of the far end what makes or refreshes the dialog:
// its target (RFC 3261 §12.2.1.2) and what it can do.
func (d *far) learn(m *message.Message) {
	for v := range m.List(message.HContact) {
		if a, err := message.ParseAddress(v); err == nil && (a.URI.Scheme == "sip" || a.URI.Scheme == "sips") {
			if d.target != a.Text {
				d.target = keep(a.Text)
			}
		}
		break
	}
	if m.Has(message.HAllow) {
		d.can &^= canUpdate
		if m.Token(message.HAllow, "UPDATE") {
			d.can |= canUpdate
		}
	}
	if m.Has(message.HSupported) || m.Has(message.HRequire) {
		d.can &= canUpdate
		d.can |= abilities(m)
	}
	if d.agent == "" {
		if v, ok := m.Get(message.HUserAgent); ok {
			d.agent = keep(v)
		} else if v, ok := m.Get(message.HServer); ok {
			d.agent = keep(v)
		}
	}
}

func abilities(m *message.Message) (can ability) {
	for _, id := range [...]message.HeaderID{message.HSupported, message.HRequire} {
		for tag := range m.List(id) {
			switch tag {
			case "100rel":
				can |= can100rel
			case "timer":
				can |= canTimer
			case "norefersub":
				can |= canNoReferSub
			}
		}
	}
	return can
}

// routesOf gives the route set of a message that makes a dialog, in the order in
// which it came (RFC 3261 §12.1.1) or reversed (§12.1.2).
func routesOf(m *message.Message, reversed bool) []string {
	var routes []string
	for v := range m.List(message.HRecordRoute) {
		if len(routes) == maxRoutes {
			break
		}
		routes = append(routes, keep(v))
	}
	if reversed {
		for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
			routes[i], routes[j] = routes[j], routes[i]
		}
	}
	return routes
}
