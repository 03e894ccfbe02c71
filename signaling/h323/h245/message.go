package h245

import (
	"fmt"

	"roost/signaling/h323/per"
)

// ProtocolIdentifier is what a TerminalCapabilitySet of this version of H.245 says.
var ProtocolIdentifier = per.MustOID("0.0.8.245.0.13")

// MaxMessage is the largest message that is decoded, in octets: that of a TPKT.
const MaxMessage = 65535

// Decode reads one H.245 message. It keeps parts of data. Errors are of type
// *per.Error, ErrTrailing among them.
func Decode(data []byte) (*MultimediaSystemControlMessage, error) {
	m, d := new(MultimediaSystemControlMessage), per.NewDecoder(data)
	if len(data) <= MaxMessage {
		m.UnmarshalPER(&d)
	}
	if err := finish(&d, "H.245 message", len(data)); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeOpenLogicalChannel reads an element of fastStart. It keeps parts of data.
func DecodeOpenLogicalChannel(data []byte) (*OpenLogicalChannel, error) {
	m, d := new(OpenLogicalChannel), per.NewDecoder(data)
	if len(data) <= MaxMessage {
		m.UnmarshalPER(&d)
	}
	if err := finish(&d, "fast start channel", len(data)); err != nil {
		return nil, err
	}
	return m, nil
}

// Append appends the message to dst. Where the message cannot be written the error
// says which field, and dst is returned as it was.
func (v *MultimediaSystemControlMessage) Append(dst []byte) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	return finished(&e, "H.245 message")
}

// Append appends the channel to dst, as an element of fastStart.
func (v *OpenLogicalChannel) Append(dst []byte) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	return finished(&e, "fast start channel")
}

// finish is the error of a decoding. The decoder is not passed through an interface,
// so that it stays on the stack.
func finish(d *per.Decoder, what string, octets int) error {
	if octets > MaxMessage {
		return fmt.Errorf("%s of %d octets: %w: at most %d", what, octets, per.ErrLimit, MaxMessage)
	}
	if err := d.Finish(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func finished(e *per.Encoder, what string) ([]byte, error) {
	out, err := e.Finish()
	if err != nil {
		return out, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}
