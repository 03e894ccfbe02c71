package transaction

import "time"

// InviteServer is the INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §7.1).
// The 100 is its user's first Respond. A 2xx is repeated by the user, not by it.
type InviteServer struct {
	state    State
	reliable bool
	response []byte // the last one, for repetition
	repeat   Repeat // timers G and H; later the end is I's or L's
	timers   Timers
}

// Start takes the INVITE that made the transaction.
func (t *InviteServer) Start(reliable bool, timers Timers) Effects {
	t.state, t.reliable, t.timers = Proceeding, reliable, timers.OrDefault()
	return Effects{Deliver: true}
}

// State gives the state.
func (t *InviteServer) State() State { return t.state }

// Next gives when Tick is due; the zero time for never.
func (t *InviteServer) Next() time.Time { return t.repeat.Next() }

// Respond sends a response. After a final one further ones are not sent, but for
// a 2xx in Accepted, by which the user repeats its own.
func (t *InviteServer) Respond(status int, response []byte, now time.Time) Effects {
	switch {
	case t.state == Accepted && status >= 200 && status < 300:
		return Effects{Send: response}
	case t.state != Proceeding:
		return Effects{}
	case status < 200:
		t.response = response
	case status < 300:
		t.state, t.response = Accepted, nil
		t.repeat.Begin(now, 0, 0, t.timers.Span(), false) // Timer L
	default:
		t.state, t.response = Completed, response
		t.repeat.Begin(now, t.timers.T1, t.timers.T2, t.timers.Span(), !t.reliable)
	}
	return Effects{Send: response}
}

// Repeated takes an INVITE that came again.
func (t *InviteServer) Repeated() Effects {
	if t.state == Proceeding || t.state == Completed {
		return Effects{Send: t.response}
	}
	return Effects{} // Accepted, Confirmed: absorbed
}

// Ack takes an ACK with the INVITE's branch: that of a refusal. (The ACK of a 2xx
// has a branch of its own and goes to the user.)
func (t *InviteServer) Ack(now time.Time) Effects {
	switch t.state {
	case Accepted:
		return Effects{Deliver: true} // RFC 6026 §7.1: to the user
	case Completed:
		t.response = nil
		if t.reliable {
			return Effects{Ended: t.terminate()}
		}
		t.state = Confirmed
		t.repeat.Begin(now, 0, 0, t.timers.T4, false) // Timer I
	}
	return Effects{}
}

// Tick lets the time pass.
func (t *InviteServer) Tick(now time.Time) Effects {
	again, over := t.repeat.Due(now)
	switch {
	case over:
		timedOut := t.state == Completed // no ACK: Timer H
		return Effects{TimedOut: timedOut, Ended: t.terminate()}
	case again:
		return Effects{Send: t.response}
	}
	return Effects{}
}

// Failed takes it that the transport could not send.
func (t *InviteServer) Failed() Effects {
	if t.state == Terminated || t.state == Accepted {
		// RFC 6026 §7.1: in Accepted the user is told by its own repetition's end.
		return Effects{}
	}
	return Effects{Failed: true, Ended: t.terminate()}
}

func (t *InviteServer) terminate() bool {
	t.state, t.response = Terminated, nil
	t.repeat.Stop()
	return true
}

// Server is the server transaction of all other methods (RFC 3261 §17.2.2).
type Server struct {
	state    State
	reliable bool
	response []byte
	repeat   Repeat // the end is J's
	timers   Timers
}

// Start takes the request that made the transaction.
func (t *Server) Start(reliable bool, timers Timers) Effects {
	t.state, t.reliable, t.timers = Trying, reliable, timers.OrDefault()
	return Effects{Deliver: true}
}

// State gives the state.
func (t *Server) State() State { return t.state }

// Next gives when Tick is due; the zero time for never.
func (t *Server) Next() time.Time { return t.repeat.Next() }

// Respond sends a response; after a final one none.
func (t *Server) Respond(status int, response []byte, now time.Time) Effects {
	if t.state != Trying && t.state != Proceeding {
		return Effects{}
	}
	t.response = response
	if status < 200 {
		t.state = Proceeding
		return Effects{Send: response}
	}
	if t.reliable {
		return Effects{Send: response, Ended: t.terminate()}
	}
	t.state = Completed
	t.repeat.Begin(now, 0, 0, t.timers.Span(), false) // Timer J
	return Effects{Send: response}
}

// Repeated takes the request that came again.
func (t *Server) Repeated() Effects {
	if t.state == Proceeding || t.state == Completed {
		return Effects{Send: t.response}
	}
	return Effects{}
}

// Tick lets the time pass.
func (t *Server) Tick(now time.Time) Effects {
	if _, over := t.repeat.Due(now); over {
		return Effects{Ended: t.terminate()}
	}
	return Effects{}
}

// Failed takes it that the transport could not send.
func (t *Server) Failed() Effects {
	if t.state != Proceeding && t.state != Completed {
		return Effects{}
	}
	return Effects{Failed: true, Ended: t.terminate()}
}

func (t *Server) terminate() bool {
	t.state, t.response = Terminated, nil
	t.repeat.Stop()
	return true
}
