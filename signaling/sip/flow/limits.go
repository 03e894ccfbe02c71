package flow

import "time"

// Limits bound what peers may cost. DefaultLimits gives the defaults; a zero or
// negative value anywhere means the default.
type Limits struct {
	// Header is the most bytes of start line and header on a stream.
	Header int
	// Body is the most bytes of body on a stream.
	Body int

	// HalfSent is the most bytes of buffers that may hold unfinished messages of all
	// streams together; the stream that would go over it is closed.
	HalfSent int

	// Connections is the most TCP and TLS connections at a time; the oldest unproven one
	// gives way, and where all are proven the newcomer is refused.
	Connections int
	// PerSource is the most TCP and TLS connections at a time of one IPv4 address or
	// IPv6 /64.
	PerSource int
	// Handshakes is the most TLS handshakes worked on at a time; others wait, within
	// Handshake.
	Handshakes int
	// HandshakesPerSource is the same for one source.
	HandshakesPerSource int
	// Strangers is the most unproven UDP flows kept for each socket; the oldest gives way.
	Strangers int

	// Handshake is the most time from accept to the end of the TLS handshake.
	Handshake time.Duration
	// FirstMessage is the most time from there (TCP: from accept) to the first whole
	// message.
	FirstMessage time.Duration
	// WholeMessage is the most time from the first byte of a message to its last.
	WholeMessage time.Duration
	// Idle is how long an unproven flow may be silent after its last message.
	Idle time.Duration
	// IdleProven is the same for a proven flow, where Table.SetIdle gave no other.
	IdleProven time.Duration
	// Write is the most time a write to a stream may take.
	Write time.Duration
	// Queue is the most bytes waiting to be written to one stream.
	Queue int

	// Rate is how many datagrams a second one source (IPv4 address, IPv6 /64) may send
	// on unproven UDP flows, Burst how many at once. What is over is dropped unread.
	// Rate < 0 switches it off.
	Rate  float64
	Burst int
	// Sources is how many sources the rate is kept for at a time.
	Sources int
}

// DefaultLimits gives the limits that a system has when nothing else is configured.
func DefaultLimits() Limits {
	return Limits{
		Header:              16 << 10,
		Body:                32 << 10,
		HalfSent:            128 << 20,
		Connections:         20_000,
		PerSource:           2_000,
		Handshakes:          512,
		HandshakesPerSource: 64,
		Strangers:           65_536,
		Handshake:           10 * time.Second,
		FirstMessage:        15 * time.Second,
		WholeMessage:        10 * time.Second,
		Idle:                2 * time.Minute,
		IdleProven:          time.Hour,
		Write:               5 * time.Second,
		Queue:               64 << 10,
		Rate:                1_000,
		Burst:               4_000,
		Sources:             16_384,
	}
}

// orDefault fills in what was not set.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, p := range [...]struct{ have, def *int }{
		{&l.Header, &d.Header}, {&l.Body, &d.Body}, {&l.HalfSent, &d.HalfSent}, {&l.Connections, &d.Connections},
		{&l.PerSource, &d.PerSource}, {&l.Handshakes, &d.Handshakes},
		{&l.HandshakesPerSource, &d.HandshakesPerSource}, {&l.Strangers, &d.Strangers},
		{&l.Queue, &d.Queue}, {&l.Burst, &d.Burst}, {&l.Sources, &d.Sources},
	} {
		if *p.have <= 0 {
			*p.have = *p.def
		}
	}
	for _, p := range [...]struct{ have, def *time.Duration }{
		{&l.Handshake, &d.Handshake}, {&l.FirstMessage, &d.FirstMessage},
		{&l.WholeMessage, &d.WholeMessage}, {&l.Idle, &d.Idle},
		{&l.IdleProven, &d.IdleProven}, {&l.Write, &d.Write},
	} {
		if *p.have <= 0 {
			*p.have = *p.def
		}
	}
	if l.Rate == 0 {
		l.Rate = d.Rate
	}
	return l
}
