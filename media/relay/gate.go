package relay

import "time"

// The bounds of learning where a far end really sends from.
const (
	// learnFor is how long a host that neither the session description nor the
	// signalling named may still be learned, from the first packet that was not
	// from where it should be.
	learnFor = int64(10 * time.Second)
	// strayProbation is how many packets in sequence such a host must send first,
	// relatchProbation how many authenticated ones move a latched side.
	strayProbation   = 5
	relatchProbation = 3
	// maxStrays is how many packets from elsewhere end the learning of such hosts.
	maxStrays = 500
)

// gate says whom one socket listens to and sends to.
type gate struct {
	to   address // where packets go, and where they come from once held
	said address // what the session description said

	held    bool // latched: a packet from `to` came
	learned bool // `to` is not what was said
	strays  uint16
	since   int64 // the first stray's time, 0: none

	candidate address // who may be learned next
	ssrc      uint32
	seq       uint16
	count     uint8
}

// set begins anew with what a session description says.
func (g *gate) set(a address) {
	*g = gate{to: a, said: a}
}

// claim is a packet that is not from where packets should be: may its source be learned?
type claim struct {
	from  *address
	ssrc  uint32
	seq   uint16
	now   int64
	named bool // the host is the signalling's
	proof bool // it authenticated
	newer bool // it is ahead of all that came before
}

// open tells, before anything is spent on the packet, whether learn could say yes.
func (g *gate) open(from *address, named, secured bool, now int64) bool {
	switch {
	case secured:
		return true
	case g.held && !g.learned:
		return false
	case g.held:
		// Learned from another host, and now the description's own speaks.
		return from.is(&g.said) && now-g.since < learnFor
	case named || from.sameHost(&g.said):
		return true
	}
	return g.since == 0 || now-g.since < learnFor && g.strays < maxStrays
}

// learn takes the claim's source as the side's, or says that it needs more packets.
// The caller asked open before.
func (g *gate) learn(c *claim) bool {
	if g.since == 0 {
		g.since = max(1, c.now)
	}
	need := uint8(strayProbation)
	switch {
	case c.proof && !g.held, !c.proof && (c.named || c.from.sameHost(&g.said)):
		need = 1
	case c.proof:
		need = relatchProbation
	}
	if !c.newer && g.held || !g.follows(c) {
		return false
	}
	if g.count < need {
		g.strays++
		return false
	}
	g.to, g.held, g.learned = *c.from, true, !c.from.is(&g.said)
	g.candidate, g.count = address{}, 0
	return true
}

// follows counts packets in sequence from one candidate; another one starts the count anew.
func (g *gate) follows(c *claim) bool {
	same := g.candidate.is(c.from) && g.ssrc == c.ssrc
	if same && int16(c.seq-g.seq) <= 0 {
		g.strays++
		return false
	}
	if !same {
		g.candidate, g.ssrc, g.count = *c.from, c.ssrc, 0
	}
	g.seq = c.seq
	g.count++
	return true
}
