package dialog

import (
	"strings"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/message"
)

// maxName bounds a display name.
const maxName = 128

// partyOf is who sent a request. A phone is the number that it proved to be; what
// others assert (RFC 3325, or the older Remote-Party-ID) is believed of systems and
// trunks only, else From counts.
func (l *Leg) partyOf(m *message.Message) call.Party {
	who := call.Party{Number: l.number, Name: keep(cutTo(m.From.Display, maxName))}
	who.Private = private(m)
	if l.peer == call.Phone {
		if anonymous(m.From) {
			who.Name, who.Private = "", true
		}
		return who
	}
	said := m.From
	if a, ok := asserted(m); ok {
		said = a
	} else if anonymous(said) {
		return call.Party{Private: true}
	}
	who.Name = keep(cutTo(said.Display, maxName))
	if n, ok := said.URI.Number(); ok && len(n) <= registrar.MaxNumberLength {
		who.Number = registrar.Number(keep(n))
	}
	return who
}

// asserted is the first usable P-Asserted-Identity, or Remote-Party-ID.
func asserted(m *message.Message) (message.Address, bool) {
	for _, id := range [...]message.HeaderID{message.HPAssertedIdentity, message.HRemotePartyID} {
		for v := range m.List(id) {
			if a, err := message.ParseAddress(v); err == nil && a.URI.Scheme != "" {
				if _, ok := a.URI.Number(); ok {
					return a, true
				}
			}
		}
	}
	return message.Address{}, false
}

// private tells whether a request wants its sender not to be shown (RFC 3323 §4.2,
// RFC 3325 §9.3, Remote-Party-ID's privacy).
func private(m *message.Message) bool {
	for v := range m.Values(message.HPrivacy) {
		for p := range strings.SplitSeq(v, ";") {
			switch strings.ToLower(strings.TrimSpace(p)) {
			case "id", "user", "header":
				return true
			}
		}
	}
	for v := range m.List(message.HRemotePartyID) {
		if a, err := message.ParseAddress(v); err == nil {
			if p, _ := a.Params.Get("privacy"); p == "full" || p == "uri" {
				return true
			}
		}
	}
	return false
}

func anonymous(a message.Address) bool {
	return strings.EqualFold(a.URI.User, "anonymous") || strings.EqualFold(a.URI.Host, "anonymous.invalid")
}

// diversions counts how often a call was forwarded: Diversion (RFC 5806) or
// History-Info (RFC 7044), whichever says more.
func diversions(m *message.Message) int {
	d, h := 0, 0
	for range m.List(message.HDiversion) {
		d++
	}
	for range m.List(message.HHistoryInfo) {
		h++
	}
	return max(d, h-1)
}

// fromOf is the From address as the far end is to see it.
func fromOf(p call.Party, host string) string {
	if p.Private {
		return `"Anonymous" <sip:anonymous@anonymous.invalid>`
	}
	return string(appendParty(nil, p, host))
}

// appendParty writes a party as name-addr.
func appendParty(b []byte, p call.Party, host string) []byte {
	if name := cutTo(p.Name, maxName); name != "" {
		b = append(message.AppendQuoted(b, name), ' ')
	}
	b = append(b, "<sip:"...)
	if p.Number != "" {
		b = append(message.AppendUser(b, string(p.Number)), '@')
	}
	return append(append(b, host...), '>')
}

// appendAsserted writes who calls for those who may know: systems and trunks always,
// with Privacy where it was asked for; a phone only what it may show.
func (l *Leg) appendAsserted(b []byte, p call.Party) []byte {
	if p.Private {
		b = append(b, "Privacy: id\r\n"...)
		if l.peer == call.Phone {
			return b
		}
	}
	if p.Number == "" {
		return b
	}
	b = append(appendParty(append(b, "P-Asserted-Identity: "...), p, l.host), "\r\n"...)
	if l.peer == call.Phone {
		b = appendParty(append(b, "Remote-Party-ID: "...), p, l.host)
		b = append(b, ";party=calling;screen=yes;privacy=off\r\n"...)
	}
	return b
}

// appendConnected writes who is rung, or who answered.
func (l *Leg) appendConnected(b []byte, p call.Party) []byte {
	if p.Number == "" || p.Private && l.peer == call.Phone {
		return b
	}
	if p.Private {
		b = append(b, "Privacy: id\r\n"...)
	}
	b = append(appendParty(append(b, "P-Asserted-Identity: "...), p, l.host), "\r\n"...)
	if l.peer == call.Phone {
		b = appendParty(append(b, "Remote-Party-ID: "...), p, l.host)
		b = append(b, ";party=called;screen=yes;privacy=off\r\n"...)
	}
	return b
}

// appendDiverted writes who forwarded the call, the last one first (RFC 5806).
func (l *Leg) appendDiverted(b []byte, numbers []string) []byte {
	for i, n := range numbers {
		if i == maxVisited {
			break
		}
		b = append(b, "Diversion: <"...)
		b = append(l.appendPlace(b, n), ">;reason=unknown\r\n"...)
	}
	return b
}
