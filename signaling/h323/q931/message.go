package q931

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Why octets are no Q.931 message, or a message cannot be written.
var (
	// ErrTruncated: the octets end within the header or an element.
	ErrTruncated = errors.New("the octets end too early")
	// ErrProtocol: the protocol discriminator or call reference is not H.225.0's.
	ErrProtocol = errors.New("not a Q.931 message")
	// ErrLimit: more than is accepted.
	ErrLimit = errors.New("more than is accepted")
	// ErrElement: an information element's contents are not what its type wants.
	ErrElement = errors.New("a malformed information element")
)

// The bounds of a message.
const (
	MaxMessage  = 65535 // octets
	MaxElements = 128
)

const discriminator = 0x08

// Type is a message type.
type Type uint8

// The message types that H.225.0 uses (its table 3).
const (
	Alerting        Type = 0x01
	CallProceeding  Type = 0x02
	Progress        Type = 0x03
	Setup           Type = 0x05
	Connect         Type = 0x07
	SetupAck        Type = 0x0d
	ConnectAck      Type = 0x0f
	Disconnect      Type = 0x45
	Release         Type = 0x4d
	ReleaseComplete Type = 0x5a
	Facility        Type = 0x62
	Notify          Type = 0x6e
	StatusInquiry   Type = 0x75
	Information     Type = 0x7b
	Status          Type = 0x7d
)

var typeNames = map[Type]string{
	Alerting: "alerting", CallProceeding: "callProceeding", Progress: "progress", Setup: "setup",
	Connect: "connect", SetupAck: "setupAcknowledge", ConnectAck: "connectAcknowledge",
	Disconnect: "disconnect", Release: "release", ReleaseComplete: "releaseComplete", Facility: "facility",
	Notify: "notify", StatusInquiry: "statusInquiry", Information: "information", Status: "status",
}

// String is the type's name, or its number where it has none.
func (t Type) String() string {
	if name := typeNames[t]; name != "" {
		return name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Message is a Q.931 message.
type Message struct {
	// Reference is the call reference, 15 bits. In RAS it is the callReferenceValue.
	Reference uint16
	// FromDestination is the call reference flag: set in messages from the side that
	// did not choose the reference.
	FromDestination bool
	// ReferenceLength is how many octets the reference takes: 2 in H.225.0, for which
	// 0 stands here too; 1 where the sender wrote 1.
	ReferenceLength int
	Type            Type
	Elements        []Element
}

// Element is an information element. One of a single octet has ID ≥ 0x80 and no
// Data; a shift of the code set is such a one, and stays in its place.
type Element struct {
	ID   ID
	Data []byte
}

// Decode reads a message, what is in a TPKT. The message keeps parts of data.
func Decode(data []byte) (*Message, error) {
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("q.931 message of %d octets: %w: at most %d", len(data), ErrLimit, MaxMessage)
	}
	if len(data) < 2 {
		return nil, fmt.Errorf("q.931 message of %d octets: %w", len(data), ErrTruncated)
	}
	if data[0] != discriminator {
		return nil, fmt.Errorf("q.931 message: protocol discriminator %d, want 8: %w", data[0], ErrProtocol)
	}
	m := &Message{}
	rest := data[2:]
	switch length := int(data[1]); {
	case length != 1 && length != 2:
		return nil, fmt.Errorf("q.931 message: call reference of %d octets, want 2: %w", length, ErrProtocol)
	case len(rest) < length+1:
		return nil, fmt.Errorf("q.931 message: its header: %w", ErrTruncated)
	case length == 1:
		m.ReferenceLength = 1
		m.Reference, m.FromDestination = uint16(rest[0]&0x7f), rest[0]&0x80 != 0
	default:
		reference := binary.BigEndian.Uint16(rest)
		m.Reference, m.FromDestination = reference&0x7fff, reference&0x8000 != 0
	}
	rest = rest[data[1]:]
	m.Type = Type(rest[0])
	var err error
	if m.Elements, err = decodeElements(rest[1:]); err != nil {
		return nil, fmt.Errorf("q.931 %s: %w", m.Type, err)
	}
	return m, nil
}

func decodeElements(rest []byte) ([]Element, error) {
	elements := make([]Element, 0, 8)
	var codeset codesets
	for len(rest) > 0 {
		if len(elements) == MaxElements {
			return nil, fmt.Errorf("information elements: %w: at most %d", ErrLimit, MaxElements)
		}
		id := ID(rest[0])
		rest = rest[1:]
		if id.single() {
			elements = append(elements, Element{ID: id})
			codeset.see(id)
			continue
		}
		header := 1
		if id == UserUser && codeset.current == 0 {
			header = 2
		}
		if len(rest) < header {
			return nil, fmt.Errorf("the length of element %s: %w", id, ErrTruncated)
		}
		length := int(rest[0])
		if header == 2 {
			length = length<<8 | int(rest[1])
		}
		rest = rest[header:]
		if len(rest) < length {
			return nil, fmt.Errorf("element %s: %d octets of %d: %w", id, len(rest), length, ErrTruncated)
		}
		elements = append(elements, Element{ID: id, Data: rest[:length:length]})
		rest = rest[length:]
		codeset.see(id)
	}
	return elements, nil
}

// Append appends the message to dst, which is returned as it was where the message
// cannot be written.
func (m *Message) Append(dst []byte) ([]byte, error) {
	out := append(dst, discriminator)
	switch {
	case m.ReferenceLength == 1 && m.Reference <= 0x7f:
		out = append(out, 1, byte(m.Reference)|flag(m.FromDestination))
	case (m.ReferenceLength == 0 || m.ReferenceLength == 2) && m.Reference <= 0x7fff:
		out = append(out, 2, byte(m.Reference>>8)|flag(m.FromDestination), byte(m.Reference))
	default:
		return dst, fmt.Errorf("q.931 %s: call reference %d in %d octets: %w", m.Type, m.Reference, m.ReferenceLength, ErrProtocol)
	}
	out = append(out, byte(m.Type))
	if len(m.Elements) > MaxElements {
		return dst, fmt.Errorf("q.931 %s: %d information elements: %w: at most %d", m.Type, len(m.Elements), ErrLimit, MaxElements)
	}
	var codeset codesets
	for _, e := range m.Elements {
		out = append(out, byte(e.ID))
		wide := e.ID == UserUser && codeset.current == 0
		codeset.see(e.ID)
		switch {
		case e.ID.single():
			if len(e.Data) > 0 {
				return dst, fmt.Errorf("q.931 %s: element %s has no room for contents: %w", m.Type, e.ID, ErrElement)
			}
			continue
		case wide && len(e.Data) <= 0xffff:
			out = binary.BigEndian.AppendUint16(out, uint16(len(e.Data)))
		case !wide && len(e.Data) <= 0xff:
			out = append(out, byte(len(e.Data)))
		default:
			return dst, fmt.Errorf("q.931 %s: element %s of %d octets: %w", m.Type, e.ID, len(e.Data), ErrLimit)
		}
		out = append(out, e.Data...)
	}
	if len(out)-len(dst) > MaxMessage {
		return dst, fmt.Errorf("q.931 %s of %d octets: %w: at most %d", m.Type, len(out)-len(dst), ErrLimit, MaxMessage)
	}
	return out, nil
}

func flag(set bool) byte {
	if set {
		return 0x80
	}
	return 0
}

// codesets follows the shifts of the code set (Q.931 §4.5.2).
type codesets struct {
	current, locked int
	passing         bool // a non-locking shift: for the next element
}

func (c *codesets) see(id ID) {
	if id&0xf0 != shift {
		if c.passing {
			c.current, c.passing = c.locked, false
		}
		return
	}
	c.current = int(id & 0x07)
	if c.passing = id&0x08 != 0; !c.passing {
		c.locked = c.current
	}
}

// Get returns the first element with that ID of code set 0.
func (m *Message) Get(id ID) ([]byte, bool) {
	var codeset codesets
	for _, e := range m.Elements {
		if e.ID == id && codeset.current == 0 {
			return e.Data, true
		}
		codeset.see(e.ID)
	}
	return nil, false
}

// Set replaces the first element with that ID of code set 0, or adds it in the
// ascending order that Q.931 §4.5.1 wants.
func (m *Message) Set(id ID, data []byte) {
	var codeset codesets
	at := len(m.Elements)
	for i, e := range m.Elements {
		if codeset.current == 0 && e.ID == id {
			m.Elements[i].Data = data
			return
		}
		if at == len(m.Elements) && (e.ID&0xf0 == shift || !e.ID.single() && e.ID > id) {
			at = i
		}
		codeset.see(e.ID)
	}
	m.Elements = append(m.Elements, Element{})
	copy(m.Elements[at+1:], m.Elements[at:])
	m.Elements[at] = Element{ID: id, Data: data}
}
