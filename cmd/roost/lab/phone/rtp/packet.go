package rtp

import (
	"encoding/binary"
	"errors"
)

const (
	headerSize = 12
	maxPacket  = 2048 // octets of one datagram that a phone takes
	// eventRate and eventFrame are RFC 4733's clock: that of the voice.
	eventFrame = 160
)

var errNoRTP = errors.New("no RTP packet")

// packet is what a phone reads of an RTP packet.
type packet struct {
	payloadType uint8
	marker      bool
	sequence    uint16
	timestamp   uint32
	ssrc        uint32
	payload     []byte
}

// parse reads a packet (RFC 3550 5.1): version, CSRCs, extension and padding are
// looked at, and the payload is what is between them.
func parse(data []byte) (packet, error) {
	if len(data) < headerSize || data[0]>>6 != 2 {
		return packet{}, errNoRTP
	}
	p := packet{
		payloadType: data[1] & 0x7f, marker: data[1]&0x80 != 0,
		sequence: binary.BigEndian.Uint16(data[2:]), timestamp: binary.BigEndian.Uint32(data[4:]),
		ssrc: binary.BigEndian.Uint32(data[8:]),
	}
	rest := data[headerSize:]
	skip := int(data[0]&0x0f) * 4
	if data[0]&0x10 != 0 {
		if len(rest) < skip+4 {
			return packet{}, errNoRTP
		}
		skip += 4 + int(binary.BigEndian.Uint16(rest[skip+2:]))*4
	}
	if len(rest) < skip {
		return packet{}, errNoRTP
	}
	rest = rest[skip:]
	if data[0]&0x20 != 0 {
		if len(rest) == 0 || int(rest[len(rest)-1]) > len(rest) || rest[len(rest)-1] == 0 {
			return packet{}, errNoRTP
		}
		rest = rest[:len(rest)-int(rest[len(rest)-1])]
	}
	p.payload = rest
	return p, nil
}

// put writes a header without CSRCs into data, which has room for it.
func (p packet) put(data []byte) {
	data[0] = 2 << 6
	data[1] = p.payloadType
	if p.marker {
		data[1] |= 0x80
	}
	binary.BigEndian.PutUint16(data[2:], p.sequence)
	binary.BigEndian.PutUint32(data[4:], p.timestamp)
	binary.BigEndian.PutUint32(data[8:], p.ssrc)
}

// counter counts losses by sequence number, of one source after another (RFC
// 3550 A.3). A relay may let the source change in a call.
type counter struct {
	ssrc          uint32
	began         bool
	base, highest uint32 // extended
	received      int
	duplicate     uint64 // window of the newest 64
	before        int    // lost of sources before this one
}

// take counts a packet; false if it is a repeated one.
func (c *counter) take(ssrc uint32, sequence uint16) bool {
	if !c.began || ssrc != c.ssrc {
		c.before += c.missing()
		*c = counter{ssrc: ssrc, began: true, base: uint32(sequence), highest: uint32(sequence), received: 1, duplicate: 1, before: c.before}
		return true
	}
	delta := int16(sequence - uint16(c.highest))
	switch {
	case delta > 0:
		c.highest += uint32(delta)
		c.duplicate = c.duplicate<<min(uint(delta), 64) | 1
	case -delta >= 64:
		return true // too old to know
	default:
		if c.duplicate>>uint(-delta)&1 != 0 {
			return false
		}
		c.duplicate |= 1 << uint(-delta)
	}
	c.received++
	return true
}

func (c *counter) missing() int {
	if !c.began {
		return 0
	}
	return max(0, int(c.highest-c.base)+1-c.received)
}

func (c *counter) total() int { return c.before + c.missing() }
