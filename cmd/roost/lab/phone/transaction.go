package phone

import (
	"strings"
	"time"
)

// kind says what a transaction is for.
type kind int

const (
	kindRegister kind = iota
	kindPoll
	kindSubscribe
)

// transaction is one request under way (RFC 3261 17.1.2).
type transaction struct {
	kind     kind
	leg      *leg
	branch   string
	data     []byte
	asked    int  // Expires asked for, on the wire; 0 for an un-REGISTER
	proofs   int  // challenges answered so far
	reliable bool // over TCP or TLS: no retransmission
	interval time.Duration
	resend   time.Time
	deadline time.Time
}

func (tx *transaction) next() time.Time {
	if !tx.reliable && tx.resend.Before(tx.deadline) {
		return tx.resend
	}
	return tx.deadline
}

// begin sends a request and remembers it.
func (m *Machine) begin(tx *transaction, request *Message) {
	tx.branch = branchOf(request)
	tx.data = request.Bytes()
	tx.reliable = m.Spec.Transport != "udp"
	tx.interval = m.T1
	tx.resend = m.now.Add(tx.interval)
	tx.deadline = m.now.Add(m.patience(tx))
	m.open = append(m.open, tx)
	m.counts.Sent++
	m.effect(Send{tx.leg.index, tx.data})
}

// patience is how long an answer is waited for.
func (m *Machine) patience(tx *transaction) time.Duration {
	probing := tx.kind == kindRegister && m.at >= 0 && m.at != tx.leg.index && !m.Profile.Dual
	if tx.kind == kindPoll || probing {
		return min(probeTime, m.Profile.Unanswered)
	}
	return m.Profile.Unanswered
}

// retransmit sends again what is due, and gives up what is overdue.
func (m *Machine) retransmit() {
	var overdue []*transaction
	for _, tx := range m.open {
		switch {
		case due(tx.deadline, m.now):
			overdue = append(overdue, tx)
		case !tx.reliable && due(tx.resend, m.now):
			tx.interval = min(2*tx.interval, max(timerT2, m.T1))
			tx.resend = m.now.Add(tx.interval)
			m.counts.Retransmitted++
			m.effect(Send{tx.leg.index, tx.data})
		}
	}
	for _, tx := range overdue {
		m.end(tx)
		m.unanswered(tx)
	}
}

// end takes a transaction off the list.
func (m *Machine) end(tx *transaction) {
	for i, open := range m.open {
		if open == tx {
			m.open = append(m.open[:i], m.open[i+1:]...)
			return
		}
	}
}

// drop forgets everything under way with a server.
func (m *Machine) drop(leg *leg) {
	kept := m.open[:0]
	for _, tx := range m.open {
		if tx.leg != leg {
			kept = append(kept, tx)
		}
	}
	m.open = kept
}

// busyWith says whether a request of that kind is under way with a server.
func (m *Machine) busyWith(leg *leg, kind kind) bool {
	for _, tx := range m.open {
		if tx.leg == leg && tx.kind == kind {
			return true
		}
	}
	return false
}

// find returns the transaction that a response belongs to (RFC 3261 17.1.3).
func (m *Machine) find(index int, response *Message) *transaction {
	branch := branchOf(response)
	_, method, _ := strings.Cut(response.Get("CSeq"), " ")
	for _, tx := range m.open {
		if tx.branch == branch && tx.leg.index == index && strings.EqualFold(strings.TrimSpace(method), tx.method()) {
			return tx
		}
	}
	return nil
}

func (tx *transaction) method() string {
	if tx.kind == kindSubscribe {
		return "SUBSCRIBE"
	}
	return "REGISTER"
}

func branchOf(message *Message) string { return parameter(message.Get("Via"), "branch") }
