package natscarrier

import "sync/atomic"

// Counters are totals since the start, for metrics and for `status`. Each is counted
// where the limit of the same name strikes.
type Counters struct {
	Published, Received           uint64 // messages
	PublishedBytes, ReceivedBytes uint64 // payload
	LostLineDown                  uint64 // not sent because the line was down
	DroppedQueue                  uint64 // a handler was too slow
	DroppedClient                 uint64 // the NATS client's buffer was full
	DroppedRate                   uint64 // a peer sent more than its rate
	Floods                        uint64 // peers cut off for a while because of that
	Malformed                     uint64 // subjects that cannot be read
	Forged                        uint64 // a subject that its sender may not use, a reply elsewhere
	Strangers                     uint64 // from more systems of an outside cluster than are listened to
	TooBig                        uint64
	Refused                       uint64 // connections turned away at our door
	Violations                    uint64 // permission violations that a server told us
	SlowPeers                     uint64 // peers cut off by the server because they did not read
	Connects                      uint64 // connections of lines that came up
}

// counters are Counters in the making.
type counters struct {
	published, received, publishedBytes, receivedBytes     atomic.Uint64
	lostLineDown, droppedQueue, droppedClient, droppedRate atomic.Uint64
	floods, malformed, forged, tooBig, refused, violations atomic.Uint64
	slowPeers, connects, strangers                         atomic.Uint64
}

func (c *counters) read() Counters {
	return Counters{
		Published:      c.published.Load(),
		Received:       c.received.Load(),
		PublishedBytes: c.publishedBytes.Load(),
		ReceivedBytes:  c.receivedBytes.Load(),
		LostLineDown:   c.lostLineDown.Load(),
		DroppedQueue:   c.droppedQueue.Load(),
		DroppedClient:  c.droppedClient.Load(),
		DroppedRate:    c.droppedRate.Load(),
		Floods:         c.floods.Load(),
		Malformed:      c.malformed.Load(),
		Forged:         c.forged.Load(),
		Strangers:      c.strangers.Load(),
		TooBig:         c.tooBig.Load(),
		Refused:        c.refused.Load(),
		Violations:     c.violations.Load(),
		SlowPeers:      c.slowPeers.Load(),
		Connects:       c.connects.Load(),
	}
}
