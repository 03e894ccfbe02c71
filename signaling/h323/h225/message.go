package h225

import (
	"fmt"

	"roost/signaling/h323/per"
)

// ProtocolIdentifier is what a message of this version of H.225.0 says that it is.
var ProtocolIdentifier = per.MustOID("0.0.8.2250.0.7")

// MaxMessage is the largest message that is decoded, in octets: that of a UDP packet
// and of a TPKT.
const MaxMessage = 65535

// DecodeRAS reads a RAS message, the payload of a UDP packet. The message keeps
// parts of data. Errors are of type *per.Error, ErrTrailing among them.
func DecodeRAS(data []byte) (*RasMessage, error) {
	m, d := new(RasMessage), per.NewDecoder(data)
	if len(data) <= MaxMessage {
		m.UnmarshalPER(&d)
	}
	if err := finish(&d, "RAS message", len(data)); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeUserInformation reads an H323-UserInformation, which is the user-user
// information element of a call signalling message behind its protocol
// discriminator. The result keeps parts of data.
func DecodeUserInformation(data []byte) (*H323UserInformation, error) {
	u, d := new(H323UserInformation), per.NewDecoder(data)
	if len(data) <= MaxMessage {
		u.UnmarshalPER(&d)
	}
	if err := finish(&d, "H.225.0 user-user information", len(data)); err != nil {
		return nil, err
	}
	return u, nil
}

// DecodeClearToken reads a ClearToken, as it stands in what is signed or hashed.
func DecodeClearToken(data []byte) (*ClearToken, error) {
	t, d := new(ClearToken), per.NewDecoder(data)
	if len(data) <= MaxMessage {
		t.UnmarshalPER(&d)
	}
	if err := finish(&d, "H.235 token", len(data)); err != nil {
		return nil, err
	}
	return t, nil
}

// Append appends the message to dst. Where the message cannot be written the error
// says which field, and dst is returned as it was.
func (v *RasMessage) Append(dst []byte) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	return finished(&e, "RAS message")
}

// Append appends the user-user information to dst.
func (v *H323UserInformation) Append(dst []byte) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	return finished(&e, "H.225.0 user-user information")
}

// Append appends the token to dst, as it is hashed or signed.
func (v *ClearToken) Append(dst []byte) ([]byte, error) {
	e := per.NewEncoder(dst)
	v.MarshalPER(&e)
	return finished(&e, "H.235 token")
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
