package phone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// request begins a request inside a dialog-like pair of tags (RFC 3261 8.1.1).
func (m *Machine) request(method, uri, callID, fromTag, toTag string, cseq uint32) *Message {
	aor := fmt.Sprintf("sip:%s@%s", m.Spec.Number, m.Domain)
	to := "<" + aor + ">"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	request := &Message{Method: method, URI: uri}
	request.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(m.Spec.Transport), m.Local, m.token()))
	request.Add("Max-Forwards", "70")
	request.Add("From", fmt.Sprintf("<%s>;tag=%s", aor, fromTag))
	request.Add("To", to)
	request.Add("Call-ID", callID)
	request.Add("CSeq", fmt.Sprintf("%d %s", cseq, method))
	request.Add("User-Agent", m.Profile.Agent)
	return request
}

func (m *Machine) contact() string {
	uri := fmt.Sprintf("sip:%s@%s", m.Spec.Number, m.Local)
	if m.Spec.Transport != "udp" {
		uri += ";transport=tcp"
	}
	return uri
}

// sendRegister registers or refreshes, unless that is under way.
func (m *Machine) sendRegister(leg *leg) {
	if m.busyWith(leg, kindRegister) {
		return
	}
	seconds := time.Duration(m.Profile.Expires) * time.Second
	m.register(leg, &transaction{kind: kindRegister, leg: leg, asked: max(1, int(seconds/m.WireSecond))})
}

func (m *Machine) register(leg *leg, tx *transaction) {
	leg.cseq++
	request := m.request("REGISTER", "sip:"+m.Domain, leg.callID, leg.tag, "", leg.cseq)
	contact := "<" + m.contact() + ">"
	if tx.kind == kindPoll {
		contact += ";expires=0;cisco-keep-alive"
	} else {
		contact += fmt.Sprintf(`;+sip.instance="<%s>"`, m.instance)
		if m.Profile.Outbound {
			contact += ";reg-id=1"
			request.Add("Supported", "path, outbound")
		}
		request.Add("Expires", strconv.Itoa(tx.asked))
	}
	request.Add("Contact", contact)
	m.authorize(leg, request)
	m.begin(tx, request)
}

// sendPoll is Cisco's keep-alive (rule FO9): it binds nothing.
func (m *Machine) sendPoll(leg *leg) {
	if !m.busyWith(leg, kindPoll) {
		m.register(leg, &transaction{kind: kindPoll, leg: leg})
	}
}

// authorize adds credentials if the server has challenged before.
func (m *Machine) authorize(leg *leg, request *Message) {
	if leg.challenge == nil {
		return
	}
	leg.nonceCount++
	user := m.Spec.User
	if user == "" {
		user = m.Spec.Number
	}
	proof, err := digest.Digest(leg.challenge, digest.Options{
		Method: request.Method, URI: request.URI, Count: leg.nonceCount,
		Username: user, Password: m.Spec.Password, Cnonce: m.token(),
	})
	if err == nil { // else the challenge cannot be met, which chooseChallenge rules out
		request.Add(leg.authorization, proof.String())
	}
}

// chooseChallenge takes the topmost one that the phone can meet (RFC 8760 2.4).
func (m *Machine) chooseChallenge(leg *leg, response *Message) bool {
	header, answer := "WWW-Authenticate", "Authorization"
	if response.Status == 407 {
		header, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	for _, value := range response.All(header) {
		challenge, err := digest.ParseChallenge(value)
		if err != nil || !digest.CanDigest(challenge) {
			continue
		}
		algorithm := strings.ToUpper(challenge.Algorithm)
		if algorithm == "" {
			algorithm = "MD5"
		}
		if slices.Contains(m.Profile.Algorithms, algorithm) {
			leg.challenge, leg.authorization, leg.nonceCount = challenge, answer, 0
			return true
		}
	}
	return false
}

// received deals with one message from a server.
func (m *Machine) received(index int, message *Message) {
	if !m.on || index < 0 || index >= len(m.legs) {
		return
	}
	if message.Method != "" {
		m.asked(m.legs[index], message)
		return
	}
	if m.callAnswered(m.legs[index], message) {
		return
	}
	tx := m.find(index, message)
	if tx == nil || message.Status < 200 {
		return // a retransmitted answer, or a provisional one
	}
	m.end(tx)
	challenged := message.Status == 401 || message.Status == 407
	if challenged && tx.proofs < 2 && m.chooseChallenge(tx.leg, message) {
		again := &transaction{kind: tx.kind, leg: tx.leg, asked: tx.asked, proofs: tx.proofs + 1}
		if tx.kind == kindSubscribe {
			m.sendSubscribe(again)
		} else {
			m.register(tx.leg, again)
		}
		return
	}
	switch tx.kind {
	case kindPoll:
		m.polled(tx.leg, message.Status < 300)
	case kindSubscribe:
		m.subscribed(tx.leg, message)
	case kindRegister:
		m.registerAnswered(tx, message)
	}
}

func (m *Machine) registerAnswered(tx *transaction, response *Message) {
	switch {
	case tx.asked == 0:
		// Un-registered, whatever the answer.
	case response.Status == 423:
		brief, err := strconv.Atoi(response.Get("Min-Expires"))
		if err != nil || brief <= tx.asked || brief > 86400 {
			m.refused(tx.leg, response)
			return
		}
		m.register(tx.leg, &transaction{kind: kindRegister, leg: tx.leg, asked: brief})
	case response.Status < 300:
		if granted := m.granted(response, tx.asked); granted > 0 {
			m.registered(tx.leg, granted)
			return
		}
		m.refused(tx.leg, &Message{Status: response.Status, Reason: "without this phone's contact"})
	default:
		m.refused(tx.leg, response)
	}
}

// granted is the lease of the phone's own contact in a 200 (RFC 3261 10.2.4),
// 0 if it is not listed.
func (m *Machine) granted(response *Message, asked int) int {
	uri := m.contact()
	for _, field := range response.All("Contact") {
		for _, value := range splitContacts(field) {
			if !strings.Contains(value, uri) {
				continue
			}
			for _, text := range []string{parameter(value, "expires"), response.Get("Expires")} {
				if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds <= 1<<20 {
					return seconds
				}
			}
			return asked
		}
	}
	return 0
}

// splitContacts cuts at the commas outside of <…> and quotes.
func splitContacts(field string) []string {
	var parts []string
	depth, quoted, from := 0, false, 0
	for i := range len(field) {
		switch c := field[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth <= 0:
			parts = append(parts, field[from:i])
			from = i + 1
		}
	}
	return append(parts, field[from:])
}

// registered is a REGISTER that took: the lease starts, and a phone with one
// registration is gone from everywhere else.
func (m *Machine) registered(leg *leg, granted int) {
	lease := time.Duration(granted) * m.WireSecond
	moved := !leg.registered
	leg.registered, leg.try, leg.dirty = true, time.Time{}, time.Time{}
	leg.expires = m.now.Add(lease)
	leg.refresh = m.now.Add(m.pick(Range{lease * 45 / 100, lease * 60 / 100}))
	m.round = 0
	if !moved {
		m.counts.Refreshed++
		return
	}
	report := Report{Event: Registered, Server: leg.server.Name, Why: leg.why, Expires: int(lease / time.Second)}
	if m.Profile.Dual {
		m.report(report)
		m.at = m.firstRegistered()
		return
	}
	if m.at >= 0 && m.at != leg.index {
		report.From = m.legs[m.at].server.Name
	}
	m.at = leg.index
	m.report(report)
	for _, other := range m.legs {
		if other != leg {
			m.leave(other)
		}
	}
	m.back = time.Time{}
	if leg.index > 0 && m.Profile.Return.How == Probe {
		m.back = m.now.Add(m.Profile.Return.Every)
	}
	if m.Profile.Subscribes {
		m.subscribe(leg)
	}
	m.moved(leg)
}

// leave forgets a server after the phone has registered elsewhere. It says no
// good-bye: few phones do.
func (m *Machine) leave(leg *leg) {
	leg.registered, leg.try, leg.refresh, leg.sub = false, time.Time{}, time.Time{}, subscription{}
	if m.Profile.Polls == 0 {
		m.drop(leg)
		m.effect(Hangup{leg.index})
	}
}

func (m *Machine) firstRegistered() int {
	for _, leg := range m.legs {
		if leg.registered {
			return leg.index
		}
	}
	return -1
}
