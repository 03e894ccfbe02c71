package q931

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// TPKTHeader is the length of a TPKT header (RFC 1006 §6).
const TPKTHeader = 4

// ErrTPKT: a stream is no stream of TPKTs; nothing behind it can be read.
var ErrTPKT = errors.New("not a TPKT")

// CutTPKT takes the first frame off a stream. Where the stream does not hold it yet,
// frame is nil and need is how many octets of stream must be there, header included.
// A frame without contents is a keep-alive, and is not nil. A length below that of
// the header, or another version than 3, is ErrTPKT.
func CutTPKT(stream []byte) (frame, rest []byte, need int, err error) {
	if len(stream) < TPKTHeader {
		return nil, stream, TPKTHeader, nil
	}
	if stream[0] != 3 {
		return nil, stream, 0, fmt.Errorf("version %d, want 3: %w", stream[0], ErrTPKT)
	}
	length := int(binary.BigEndian.Uint16(stream[2:]))
	switch {
	case length < TPKTHeader:
		return nil, stream, 0, fmt.Errorf("a length of %d, want 4 at least: %w", length, ErrTPKT)
	case len(stream) < length:
		return nil, stream, length, nil
	}
	return stream[TPKTHeader:length:length], stream[length:], 0, nil
}

// AppendTPKT appends contents as a frame to dst, which is returned as it was where
// the contents are too long for one.
func AppendTPKT(dst, contents []byte) ([]byte, error) {
	length := len(contents) + TPKTHeader
	if length > 0xffff {
		return dst, fmt.Errorf("a TPKT of %d octets: %w: at most 65535", length, ErrLimit)
	}
	dst = append(dst, 3, 0, byte(length>>8), byte(length))
	return append(dst, contents...), nil
}
