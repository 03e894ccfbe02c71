package phone

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// referral is a transfer that this phone asked for (RFC 3515).
type referral struct {
	to   string
	over bool
}

// referrer is who asked this phone to call somebody: the call in whose dialog the
// NOTIFYs go.
type referrer struct{ call *call }

// transfer sends the far end of a call to a number, or to the far end of another
// call of this phone (RFC 5589). As phones do, it puts the call on hold first.
func (m *Machine) transfer(c *call, to string, other *call) {
	if c.refer != nil && !c.refer.over {
		m.report(Report{Event: Cannot, Call: c.id, With: c.with, Text: "a transfer is under way"})
		return
	}
	c.refer = &referral{to: to}
	if c.terms.held {
		m.sendRefer(c, to, other)
		return
	}
	m.want(c, wish{held: true, then: func(status int) {
		if status >= 300 {
			m.transferred(c, status, "could not be held")
			return
		}
		m.sendRefer(c, to, other)
	}})
}

func (m *Machine) sendRefer(c *call, to string, other *call) {
	target := m.addressed(to)
	if other != nil {
		replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", other.callID, other.remoteTag, other.localTag)
		target += "?Replaces=" + strings.ReplaceAll(url.QueryEscape(replaces), "+", "%20")
	}
	refer := m.inDialog(c, "REFER")
	refer.Add("Refer-To", "<"+target+">")
	refer.Add("Referred-By", c.local)
	m.ask(c, refer, func(status int, response *Message) {
		if status >= 300 {
			reason := "no answer"
			if response != nil {
				reason = response.Reason
			}
			m.transferred(c, status, reason)
		}
	})
}

// transferred is the outcome of a transfer: after success the phone hangs up,
// else it takes the call back.
func (m *Machine) transferred(c *call, status int, reason string) {
	if c.refer == nil || c.refer.over {
		return
	}
	c.refer.over = true
	m.report(Report{Event: Transferred, Call: c.id, With: c.with, Code: status, Text: strings.TrimSpace("to " + c.refer.to + " " + reason)})
	switch {
	case status < 300:
		m.hangUp(c, "transferred")
	case c.state == up && c.terms.held:
		m.want(c, wish{held: false})
	}
}

// referNews is a NOTIFY of a transfer: a sipfrag (RFC 3515 2.4.5).
func (m *Machine) referNews(c *call, leg *leg, request *Message) {
	if !strings.HasPrefix(strings.ToLower(request.Get("Event")), "refer") || c.refer == nil {
		m.respond(c, leg, request, 481, "Subscription Does Not Exist", nil)
		return
	}
	c.remoteCSeq = max(c.remoteCSeq, cseqNumber(request))
	m.respond(c, leg, request, 200, "OK", nil)
	line, _, _ := strings.Cut(string(request.Body), "\r\n")
	rest, ok := strings.CutPrefix(line, "SIP/2.0 ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	ended := strings.HasPrefix(strings.ToLower(request.Get("Subscription-State")), "terminated")
	switch {
	case ok && err == nil && status >= 200:
		m.transferred(c, status, reason)
	case ended:
		m.transferred(c, 500, "ended without an outcome")
	}
}

// referred is a REFER to this phone: it calls whom it is told to.
func (m *Machine) referred(c *call, leg *leg, request *Message) {
	uri := between(request.Get("Refer-To"), "<", ">")
	if uri == "" {
		uri = request.Get("Refer-To")
	}
	address, headers, _ := strings.Cut(uri, "?")
	if address == "" || c.state != up {
		m.respond(c, leg, request, 400, "Refer-To", nil)
		return
	}
	m.respond(c, leg, request, 202, "Accepted", nil)
	replaces := ""
	for header := range strings.SplitSeq(headers, "&") {
		name, value, _ := strings.Cut(header, "=")
		if strings.EqualFold(name, "Replaces") {
			if text, err := url.QueryUnescape(value); err == nil {
				replaces = text
			}
		}
	}
	next := m.place(numberIn("<"+address+">"), func(invite *Message) {
		if by := request.Get("Referred-By"); by != "" {
			invite.Add("Referred-By", by)
		}
		if replaces != "" {
			invite.Add("Replaces", replaces)
		}
	})
	if next == nil {
		m.notifyRefer(c, 503, "Service Unavailable")
		return
	}
	next.referrer = &referrer{c}
	m.notifyRefer(c, 100, "Trying")
}

// tellReferrer sends the outcome of a call that somebody asked for.
func (m *Machine) tellReferrer(c *call, status int, reason string) {
	if c.referrer == nil {
		return
	}
	to := c.referrer.call
	c.referrer = nil
	if to.state == up {
		m.notifyRefer(to, status, reason)
	}
}

func (m *Machine) notifyRefer(c *call, status int, reason string) {
	notify := m.inDialog(c, "NOTIFY")
	notify.Add("Event", "refer")
	state := "active;expires=60"
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	notify.Add("Subscription-State", state)
	notify.Add("Content-Type", "message/sipfrag;version=2.0")
	notify.Body = fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, reason)
	m.ask(c, notify, func(int, *Message) {})
}

// replacedBy is the call that a Replaces field names (RFC 3891 3), nil if the
// phone has none such.
func (m *Machine) replacedBy(value string) *call {
	callID, _, _ := strings.Cut(value, ";")
	to, from := parameter(value, "to-tag"), parameter(value, "from-tag")
	for _, c := range m.calls {
		if c.callID == strings.TrimSpace(callID) && c.localTag == to && c.remoteTag == from && (c.state == up || c.state == answered) {
			return c
		}
	}
	return nil
}
