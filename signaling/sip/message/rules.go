package message

import "strings"

// Rules are what this element does and does not do, for Check.
type Rules struct {
	// Methods are the methods that are handled; empty means any.
	Methods []string
	// Extensions are the option tags that a request may Require.
	Extensions []string
	// Demands are option tags without which a request is refused with 421; empty in
	// almost every case (RFC 3261 §21.4.16 advises against it).
	Demands []string
}

// knownMethods are the methods that have a specification: refused with 405 where they
// are not handled, all others with 501 (RFC 3261 §8.2.1, §21.5.2).
var knownMethods = [...]string{
	"INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY",
	"REFER", "INFO", "MESSAGE", "PRACK", "UPDATE", "PUBLISH",
}

// Check judges a well-formed message (Parse gave no Fault) in the order of RFC 3261
// §8.2: the method, the Request-URI's scheme, Require, what we demand, Max-Forwards.
// A response with more than one Via is not for us (§8.1.3.3).
func (m *Message) Check(rules Rules) *Fault {
	if !m.Request {
		if !m.oneVia() {
			return &Fault{Reason: "Response With More Than One Via"}
		}
		return nil
	}
	var f *Fault
	switch {
	case !rules.handles(m.Method):
		f = rules.refuseMethod(m.Method)
	case m.Target.Scheme != "sip" && m.Target.Scheme != "sips" && m.Target.Scheme != "tel":
		f = &Fault{Status: 416, Reason: "Unsupported URI Scheme"}
	default:
		f = m.extensions(rules)
	}
	if f == nil && m.MaxForwards == 0 && m.forwarded() {
		f = &Fault{Status: 483, Reason: "Too Many Hops"}
	}
	if f != nil && m.Method == "ACK" {
		f.Status = 0
	}
	return f
}

func (m *Message) oneVia() bool {
	n := 0
	for range m.List(HVia) {
		if n++; n > 1 {
			return false
		}
	}
	return true
}

// forwarded tells whether Max-Forwards 0 ends the request here. What is answered here
// and never sent on is served with 0 as well (RFC 3261 §16.3 step 3, §11); CANCEL and
// ACK belong to a request that was judged already.
func (m *Message) forwarded() bool {
	switch m.Method {
	case "OPTIONS", "REGISTER", "ACK", "CANCEL":
		return false
	}
	return true
}

func (r Rules) handles(method string) bool {
	return len(r.Methods) == 0 || contains(r.Methods, method)
}

func (r Rules) refuseMethod(method string) *Fault {
	if !contains(knownMethods[:], method) {
		return &Fault{Status: 501, Reason: "Not Implemented"}
	}
	allow := HeaderLine{"Allow", strings.Join(r.Methods, ", ")}
	return &Fault{Status: 405, Reason: "Method Not Allowed", Header: []HeaderLine{allow}}
}

// extensions: RFC 3261 §8.2.2.3. Require is ignored in ACK and CANCEL.
func (m *Message) extensions(rules Rules) *Fault {
	if m.Method == "ACK" || m.Method == "CANCEL" {
		return nil
	}
	var unknown []string
	for tag := range m.List(HRequire) {
		if !isToken(tag) {
			return bad("Malformed Require Header")
		}
		if len(unknown) < maxParams && !containsFold(rules.Extensions, tag) {
			unknown = append(unknown, tag)
		}
	}
	if len(unknown) > 0 {
		line := HeaderLine{"Unsupported", strings.Join(unknown, ", ")}
		return &Fault{Status: 420, Reason: "Bad Extension", Header: []HeaderLine{line}}
	}
	for _, tag := range rules.Demands {
		if !m.Token(HSupported, tag) && !m.Token(HRequire, tag) {
			line := HeaderLine{"Require", strings.Join(rules.Demands, ", ")}
			return &Fault{Status: 421, Reason: "Extension Required", Header: []HeaderLine{line}}
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if equalFold(x, s) {
			return true
		}
	}
	return false
}
