package call

import (
	"fmt"
	"strings"
)

func recordWords(r Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s", partyWords(r.From), partyWords(r.To))
	if r.Dialled != "" {
		fmt.Fprintf(&b, " (dialled %s)", r.Dialled)
	}
	if len(r.Diverted) > 0 {
		fmt.Fprintf(&b, ", forwarded by %s", strings.Join(r.Diverted, ", "))
	}
	if len(r.Transfers) > 0 {
		fmt.Fprintf(&b, ", transferred by %s", strings.Join(r.Transfers, ", "))
	}
	if r.Emergency {
		b.WriteString(", emergency")
	}
	if r.Answer.IsZero() {
		fmt.Fprintf(&b, ", not answered: %d %s", r.Status, r.Why)
	} else {
		fmt.Fprintf(&b, ", %gs: %s", r.Seconds, r.Why)
	}
	fmt.Fprintf(&b, ", ended by %s", r.EndedBy)
	return b.String()
}

func partyWords(p RecordParty) string {
	s := strings.TrimSpace(p.Kind + " " + string(p.Number))
	if p.Kind == "system" || p.Kind == "trunk" {
		s += "@" + p.System
	}
	if p.Guest {
		s += " (guest)"
	}
	return s
}

func bodyWords(e Do, b Body, d *desk) string {
	if b.Empty() {
		return ""
	}
	if e.Pass == PassNothing {
		return " [" + string(b.Data) + "]"
	}
	return fmt.Sprintf(" [%s %s of %s]", e.Pass, b.Data, d.name(e.From))
}

func causeWords(c Cause) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", c.Status, c.Phrase))
}

// actionWords is an action as an engineer would write it down.
func actionWords(e Do, d *desk) string {
	switch a := e.Action.(type) {
	case Ring:
		to := ""
		if a.To != (Party{}) {
			to = " of " + string(a.To.Number)
		}
		return fmt.Sprintf("%d%s%s", a.Status, to, bodyWords(e, a.Body, d))
	case Answer:
		return fmt.Sprintf("200 by %s%s", a.To.Number, bodyWords(e, a.Body, d))
	case Refuse:
		return causeWords(a.Cause)
	case Dial:
		return "INVITE " + dialWords(a) + bodyWords(e, a.Offer, d)
	case Cancel:
		return "CANCEL " + causeWords(a.Cause)
	case Connect:
		return "ACK" + bodyWords(e, a.Body, d)
	case Offer:
		if a.Body.Empty() {
			return fmt.Sprintf("re-INVITE %d without offer", a.ID)
		}
		return fmt.Sprintf("re-INVITE %d%s", a.ID, bodyWords(e, a.Body, d))
	case Reply:
		if a.Cause.Status != 0 {
			return fmt.Sprintf("its offer %d: %s", a.ID, causeWords(a.Cause))
		}
		return fmt.Sprintf("its offer %d: 200%s", a.ID, bodyWords(e, a.Body, d))
	case End:
		return strings.TrimSpace("BYE " + strings.TrimPrefix(causeWords(a.Cause), "0"))
	case ReferReply:
		if a.Cause.Status != 0 {
			return "its REFER: " + causeWords(a.Cause)
		}
		return "its REFER: 202"
	case ReferNews:
		return fmt.Sprintf("NOTIFY %d %s", a.Status, a.Phrase)
	case Tell:
		return fmt.Sprintf("%s %d%s", a.Method, a.ID, bodyWords(e, a.Body, d))
	case TellReply:
		return fmt.Sprintf("its message %d: %d", a.ID, a.Status)
	}
	return fmt.Sprintf("%#v", e.Action)
}

func dialWords(a Dial) string {
	s := fmt.Sprintf("%s from %s", a.To, a.From.Number)
	if len(a.Diverted) > 0 {
		s += " via " + strings.Join(a.Diverted, ", ")
	}
	if len(a.Visited) > 0 {
		s += " marks " + strings.Join(a.Visited, " ") + fmt.Sprintf(" hops %d", a.Hops)
	}
	if a.Patience > 0 {
		s += " patience " + a.Patience.String()
	}
	if a.Emergency {
		s += " emergency"
	}
	return s
}
