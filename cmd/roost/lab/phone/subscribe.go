package phone

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// subscription is to the reg event at one server (RFC 6665, RFC 3680).
type subscription struct {
	callID, localTag, remoteTag string
	target                      string
	cseq                        uint32
	refresh                     time.Time
}

const subscribeFor = 3600 // seconds asked for, on the wire

func (m *Machine) subscribe(leg *leg) {
	if m.busyWith(leg, kindSubscribe) {
		return
	}
	if leg.sub.callID == "" {
		leg.sub = subscription{callID: m.token(), localTag: m.token(), target: fmt.Sprintf("sip:%s@%s", m.Spec.Number, m.Domain)}
	}
	leg.sub.refresh = time.Time{}
	m.sendSubscribe(&transaction{kind: kindSubscribe, leg: leg, asked: subscribeFor})
}

func (m *Machine) sendSubscribe(tx *transaction) {
	sub := &tx.leg.sub
	sub.cseq++
	request := m.request("SUBSCRIBE", sub.target, sub.callID, sub.localTag, sub.remoteTag, sub.cseq)
	request.Add("Contact", "<"+m.contact()+">")
	request.Add("Event", "reg")
	request.Add("Accept", "application/reginfo+xml")
	request.Add("Expires", strconv.Itoa(tx.asked))
	m.authorize(tx.leg, request)
	m.begin(tx, request)
}

// subscribed is the answer to a SUBSCRIBE. A phone whose SUBSCRIBE is refused
// works on without it.
func (m *Machine) subscribed(leg *leg, response *Message) {
	if response.Status >= 300 || leg.sub.callID != response.Get("Call-ID") {
		leg.sub = subscription{}
		return
	}
	leg.sub.remoteTag = parameter(response.Get("To"), "tag")
	if contact := between(response.Get("Contact"), "<", ">"); contact != "" {
		leg.sub.target = contact
	}
	granted, err := strconv.Atoi(response.Get("Expires"))
	if err != nil || granted <= 0 || granted > subscribeFor {
		granted = subscribeFor
	}
	leg.sub.refresh = m.now.Add(time.Duration(granted) * m.WireSecond * 9 / 10)
}

// asked answers a server's request.
func (m *Machine) asked(leg *leg, request *Message) {
	if request.Method != "ACK" && m.repeated(leg, request) || m.callAsked(leg, request) {
		return
	}
	switch request.Method {
	case "OPTIONS":
		m.answer(leg, request, 200, "OK")
	case "NOTIFY":
		m.notified(leg, request)
	default:
		m.answer(leg, request, 501, "Not Implemented")
	}
}

func (m *Machine) answer(leg *leg, request *Message, status int, reason string) {
	response := reply(request, status, reason, leg.tag)
	response.Add("Contact", "<"+m.contact()+">")
	if request.Method == "OPTIONS" {
		response.Add("Allow", allow)
		response.Add("Accept", contentSDP)
	}
	m.send(leg, request, response)
}

func (m *Machine) notified(leg *leg, request *Message) {
	if leg.sub.callID == "" || leg.sub.callID != request.Get("Call-ID") {
		m.answer(leg, request, 481, "Subscription Does Not Exist")
		return
	}
	m.answer(leg, request, 200, "OK")
	if strings.HasPrefix(strings.ToLower(request.Get("Subscription-State")), "terminated") {
		leg.sub = subscription{}
	}
	if m.deactivated(request.Body) {
		m.told(leg, whyNotify)
	}
}

// reginfo is as much of RFC 3680 5.4 as a phone looks at.
type reginfo struct {
	Registrations []struct {
		Contacts []struct {
			State string `xml:"state,attr"`
			Event string `xml:"event,attr"`
			URI   string `xml:"uri"`
		} `xml:"contact"`
	} `xml:"registration"`
}

// deactivated says whether the phone's own contact was taken away so that it
// registers again at once.
func (m *Machine) deactivated(body []byte) bool {
	var info reginfo
	if xml.Unmarshal(body, &info) != nil {
		return false
	}
	for _, registration := range info.Registrations {
		for _, contact := range registration.Contacts {
			if contact.State == "terminated" && contact.Event == "deactivated" &&
				strings.Contains(contact.URI, m.contact()) {
				return true
			}
		}
	}
	return false
}

func between(text, open, end string) string {
	_, rest, found := strings.Cut(text, open)
	if !found {
		return ""
	}
	inner, _, _ := strings.Cut(rest, end)
	return inner
}
