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
	m := new(MultimediaSystemControlMessage)
	if err := decode(data, "H.245 message", m); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeOpenLogicalChannel reads an element of fastStart. It keeps parts of data.
func DecodeOpenLogicalChannel(data []byte) (*OpenLogicalChannel, error) {
	m := new(OpenLogicalChannel)
	if err := decode(data, "fast start channel", m); err != nil {
		return nil, err
	}
	return m, nil
}

// Append appends the message to dst. Where the message cannot be written the error
// says which field, and dst is returned as it was.
func (v *MultimediaSystemControlMessage) Append(dst []byte) ([]byte, error) {
	return encode(dst, "H.245 message", v)
}

// Append appends the channel to dst, as an element of fastStart.
func (v *OpenLogicalChannel) Append(dst []byte) ([]byte, error) {
	return encode(dst, "fast start channel", v)
}

func decode(data []byte, what string, v interface{ UnmarshalPER(*per.Decoder) }) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("%s of %d octets: %w: at most %d", what, len(data), per.ErrLimit, MaxMessage)
	}
	d := per.NewDecoder(data)
	v.UnmarshalPER(&d)
	if err := d.Finish(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func encode(dst []byte, what string, v interface{ MarshalPER(*per.Encoder) }) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	out, err := e.Finish()
	if err != nil {
		return out, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}
