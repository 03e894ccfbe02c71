package transaction

import "time"

// InviteClient is the INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §7.2).
type InviteClient struct {
	state    State
	reliable bool
	request  []byte
	ack      []byte // of a refusal, once it was sent
	repeat   Repeat // timers A and B; later the end is D's or M's
	timers   Timers
}

// Start sends the INVITE.
func (t *InviteClient) Start(request []byte, reliable bool, timers Timers, now time.Time) Effects {
	t.state, t.reliable, t.request, t.timers = Calling, reliable, request, timers.OrDefault()
	t.repeat.Begin(now, t.timers.T1, 0, t.timers.Span(), !reliable)
	return Effects{Send: request}
}

// State gives the state.
func (t *InviteClient) State() State { return t.state }

// Next gives when Tick is due; the zero time for never.
func (t *InviteClient) Next() time.Time { return t.repeat.Next() }

// Receive takes a response. ack builds the ACK of a refusal; it is called at most
// once in the transaction's life.
func (t *InviteClient) Receive(status int, ack func() []byte, now time.Time) Effects {
	switch t.state {
	case Calling, Proceeding:
		return t.first(status, ack, now)
	case Accepted:
		// RFC 6026 §7.2: every 2xx goes to the user, all else is dropped.
		return Effects{Deliver: status >= 200 && status < 300}
	case Completed:
		if status >= 300 {
			return Effects{Send: t.ack}
		}
	}
	return Effects{}
}

func (t *InviteClient) first(status int, ack func() []byte, now time.Time) Effects {
	switch {
	case status < 200:
		t.state = Proceeding
		t.repeat.Stop()
		t.request = nil
		return Effects{Deliver: true}
	case status < 300:
		t.state, t.request = Accepted, nil
		t.repeat.Begin(now, 0, 0, t.timers.Span(), false) // Timer M
		return Effects{Deliver: true}
	}
	t.ack, t.request = ack(), nil
	fx := Effects{Send: t.ack, Deliver: true}
	if t.reliable {
		fx.Ended = t.terminate()
		return fx
	}
	t.state = Completed
	t.repeat.Begin(now, 0, 0, t.timers.completedD(), false)
	return fx
}

// Tick lets the time pass.
func (t *InviteClient) Tick(now time.Time) Effects {
	again, over := t.repeat.Due(now)
	switch {
	case over:
		timedOut := t.state == Calling
		return Effects{TimedOut: timedOut, Ended: t.terminate()}
	case again:
		return Effects{Send: t.request}
	}
	return Effects{}
}

// Failed takes it that the transport could not send.
func (t *InviteClient) Failed() Effects {
	told := t.state == Calling || t.state == Proceeding || t.state == Completed
	if !told {
		return Effects{}
	}
	return Effects{Failed: true, Ended: t.terminate()}
}

// Abandon ends a transaction whose final response is no longer waited for: after a
// CANCEL that nothing came of in 64*T1 (RFC 3261 §9.1).
func (t *InviteClient) Abandon() Effects { return Effects{Ended: t.terminate()} }

func (t *InviteClient) terminate() bool {
	t.state, t.request, t.ack = Terminated, nil, nil
	t.repeat.Stop()
	return true
}

// Client is the client transaction of all other methods (RFC 3261 §17.1.2).
type Client struct {
	state    State
	reliable bool
	request  []byte
	repeat   Repeat // timers E and F; later the end is K's
	timers   Timers
}

// Start sends the request.
func (t *Client) Start(request []byte, reliable bool, timers Timers, now time.Time) Effects {
	t.state, t.reliable, t.request, t.timers = Trying, reliable, request, timers.OrDefault()
	t.repeat.Begin(now, t.timers.T1, t.timers.T2, t.timers.Span(), !reliable)
	return Effects{Send: request}
}

// State gives the state.
func (t *Client) State() State { return t.state }

// Next gives when Tick is due; the zero time for never.
func (t *Client) Next() time.Time { return t.repeat.Next() }

// Receive takes a response.
func (t *Client) Receive(status int, now time.Time) Effects {
	if t.state != Trying && t.state != Proceeding {
		return Effects{}
	}
	if status < 200 {
		t.state = Proceeding
		t.repeat.Slow()
		return Effects{Deliver: true}
	}
	t.request = nil
	if t.reliable {
		return Effects{Deliver: true, Ended: t.terminate()}
	}
	t.state = Completed
	t.repeat.Begin(now, 0, 0, t.timers.T4, false) // Timer K
	return Effects{Deliver: true}
}

// Tick lets the time pass.
func (t *Client) Tick(now time.Time) Effects {
	again, over := t.repeat.Due(now)
	switch {
	case over:
		timedOut := t.state == Trying || t.state == Proceeding
		return Effects{TimedOut: timedOut, Ended: t.terminate()}
	case again:
		return Effects{Send: t.request}
	}
	return Effects{}
}

// Failed takes it that the transport could not send.
func (t *Client) Failed() Effects {
	if t.state != Trying && t.state != Proceeding {
		return Effects{}
	}
	return Effects{Failed: true, Ended: t.terminate()}
}

func (t *Client) terminate() bool {
	t.state, t.request = Terminated, nil
	t.repeat.Stop()
	return true
}
