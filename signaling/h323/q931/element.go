package q931

import "fmt"

// ID identifies an information element of code set 0.
type ID uint8

// The information elements that H.225.0 uses (Q.931 table 4-3).
const (
	BearerCapability   ID = 0x04
	CauseID            ID = 0x08
	CallIdentity       ID = 0x10
	CallState          ID = 0x14
	ChannelID          ID = 0x18
	FacilityID         ID = 0x1c
	ProgressIndicator  ID = 0x1e
	Notification       ID = 0x27
	Display            ID = 0x28
	DateTime           ID = 0x29
	KeypadFacility     ID = 0x2c
	Signal             ID = 0x34
	ConnectedNumber    ID = 0x4c
	CallingPartyNumber ID = 0x6c
	CallingPartySub    ID = 0x6d
	CalledPartyNumber  ID = 0x70
	CalledPartySub     ID = 0x71
	RedirectingNumber  ID = 0x74
	UserUser           ID = 0x7e
	SendingComplete    ID = 0xa1
	shift              ID = 0x90
)

var elementNames = map[ID]string{
	BearerCapability: "bearerCapability", CauseID: "cause", CallIdentity: "callIdentity", CallState: "callState",
	ChannelID: "channelIdentification", FacilityID: "facility", ProgressIndicator: "progressIndicator",
	Notification: "notificationIndicator", Display: "display", DateTime: "dateTime",
	KeypadFacility: "keypadFacility", Signal: "signal", ConnectedNumber: "connectedNumber",
	CallingPartyNumber: "callingPartyNumber", CallingPartySub: "callingPartySubaddress",
	CalledPartyNumber: "calledPartyNumber", CalledPartySub: "calledPartySubaddress",
	RedirectingNumber: "redirectingNumber", UserUser: "userUser", SendingComplete: "sendingComplete",
}

// String is the element's name, or its number where it has none.
func (id ID) String() string {
	if name := elementNames[id]; name != "" {
		return name
	}
	if id&0xf0 == shift {
		return fmt.Sprintf("shift %d", uint8(id&0x0f))
	}
	return fmt.Sprintf("element %d", uint8(id))
}

// single says whether the element is one octet.
func (id ID) single() bool { return id&0x80 != 0 }

// Cause is why a call ends or fails (Q.850).
type Cause struct {
	Location uint8 // 0 user … 10 network beyond the interworking point
	Value    uint8 // 0 to 127
	// Rest is what else stands there: diagnostics.
	Rest []byte
}

// ParseCause reads a cause element.
func ParseCause(data []byte) (Cause, error) {
	value := 1
	if len(data) > 0 && data[0]&0x80 == 0 {
		value = 2 // with octet 3a, the recommendation
	}
	if len(data) <= value {
		return Cause{}, fmt.Errorf("cause of %d octets: %w", len(data), ErrElement)
	}
	return Cause{Location: data[0] & 0x0f, Value: data[value] & 0x7f, Rest: data[value+1:]}, nil
}

// Bytes are the contents of the element, in ITU coding.
func (c Cause) Bytes() []byte {
	return append([]byte{0x80 | c.Location&0x0f, 0x80 | c.Value&0x7f}, c.Rest...)
}

// Number is a calling, called, connected or redirecting party number.
type Number struct {
	Type         uint8 // 0 unknown, 1 international, 2 national, 4 subscriber …
	Plan         uint8 // 0 unknown, 1 E.164, 9 private
	Presentation uint8 // 0 allowed, 1 restricted, 2 not available; where Screened
	Screening    uint8 // 0 user provided, 1 verified, 2 failed, 3 network; where Screened
	Screened     bool  // whether presentation and screening are given
	Digits       string
}

// ParseNumber reads a party number.
func ParseNumber(data []byte) (Number, error) {
	if len(data) == 0 {
		return Number{}, fmt.Errorf("a number without contents: %w", ErrElement)
	}
	n := Number{Type: data[0] >> 4 & 0x07, Plan: data[0] & 0x0f}
	last, rest := data[0], data[1:]
	for i := 0; last&0x80 == 0; i++ { // octets 3a, 3b
		if len(rest) == 0 || i == 3 {
			return Number{}, fmt.Errorf("a number of %d octets: %w", len(data), ErrElement)
		}
		last = rest[0]
		if i == 0 {
			n.Screened = true
			n.Presentation, n.Screening = last>>5&0x03, last&0x03
		}
		rest = rest[1:]
	}
	n.Digits = string(rest)
	return n, nil
}

// Bytes are the contents of the element.
func (n Number) Bytes() []byte {
	first := n.Type&0x07<<4 | n.Plan&0x0f
	if !n.Screened {
		return append([]byte{0x80 | first}, n.Digits...)
	}
	return append([]byte{first, 0x80 | n.Presentation&0x03<<5 | n.Screening&0x03}, n.Digits...)
}

// Bearer is a bearer capability.
type Bearer struct {
	Capability uint8 // 0 speech, 8 unrestricted digital, 16 3.1 kHz audio, 24 video
	Rate       uint8 // 16: 64 kbit/s … 24: multirate
	Multiplier uint8 // of 64 kbit/s, where Rate is multirate
	Layer1     uint8 // 2 G.711 µ-law, 3 A-law, 5 H.221 and H.242 (H.323); 0: none
}

const multirate = 24

// ParseBearer reads a bearer capability; what it says beyond a Bearer is passed over.
func ParseBearer(data []byte) (Bearer, error) {
	rest := skipGroup(data)
	if len(rest) == 0 {
		return Bearer{}, fmt.Errorf("bearer capability of %d octets: %w", len(data), ErrElement)
	}
	b := Bearer{Capability: data[0] & 0x1f, Rate: rest[0] & 0x1f}
	rest = skipGroup(rest)
	if b.Rate == multirate && len(rest) > 0 {
		b.Multiplier, rest = rest[0]&0x7f, rest[1:]
	}
	if len(rest) > 0 && rest[0]&0x60 == 0x20 {
		b.Layer1 = rest[0] & 0x1f
	}
	return b, nil
}

// skipGroup passes over an octet and its extensions: the last has its highest bit set.
func skipGroup(data []byte) []byte {
	for i, octet := range data {
		if octet&0x80 != 0 {
			return data[i+1:]
		}
	}
	return nil
}

// Bytes are the contents of the element, circuit mode.
func (b Bearer) Bytes() []byte {
	data := []byte{0x80 | b.Capability&0x1f, 0x80 | b.Rate&0x1f}
	if b.Rate == multirate {
		data = append(data, 0x80|b.Multiplier&0x7f)
	}
	if b.Layer1 != 0 {
		data = append(data, 0xa0|b.Layer1&0x1f)
	}
	return data
}

// ProtocolX208 is the protocol discriminator of an H.323 user-user element.
const ProtocolX208 = 0x05

// UserInformation returns the PER of the H323-UserInformation in the user-user
// element; ok is false where there is none, or one of another protocol.
func (m *Message) UserInformation() (data []byte, ok bool) {
	element, ok := m.Get(UserUser)
	if !ok || len(element) == 0 || element[0] != ProtocolX208 {
		return nil, false
	}
	return element[1:], true
}

// SetUserInformation puts the PER of an H323-UserInformation into the user-user
// element.
func (m *Message) SetUserInformation(data []byte) {
	m.Set(UserUser, append([]byte{ProtocolX208}, data...))
}
