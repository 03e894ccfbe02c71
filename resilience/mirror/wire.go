package mirror

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// The wire format. A payload is 'M', the major version, and frames:
//
//	kind byte · length of the body, 4 bytes big-endian · body
//
// Numbers are uvarints, epochs, ids and digests 8 bytes big-endian, strings and
// lists are preceded by their length. A frame of an unknown kind is skipped, and
// so is what follows the known fields in a body or in a list's element: that is
// how a later minor version adds to them. Only another major version is refused.
const (
	wireMark  = 'M'
	wireMajor = 1

	frameHeartbeat = 1
	frameDelta     = 2
	frameSince     = 3
	frameWelcome   = 4
	frameBatch     = 5
	frameEnd       = 6
)

const (
	headerSize = 2
	frameSize  = 5
	// recordRoom is what a record takes on the wire besides key and value, at most.
	recordRoom = 40
)

func appendHeader(dst []byte) []byte { return append(dst, wireMark, wireMajor) }

// beginFrame writes a frame's head; endFrame fills in its length.
func beginFrame(dst []byte, kind byte) ([]byte, int) {
	dst = append(dst, kind, 0, 0, 0, 0)
	return dst, len(dst)
}

func endFrame(dst []byte, body int) []byte {
	binary.BigEndian.PutUint32(dst[body-4:], uint32(len(dst)-body))
	return dst
}

// beginBlock leaves room for the length of a list of records; endFrame fills it in.
func beginBlock(dst []byte) ([]byte, int) {
	dst = append(dst, 0, 0, 0, 0)
	return dst, len(dst)
}

// frames takes a payload apart. f gets each frame's kind and body; what it
// returns stops the walk.
func frames(payload []byte, f func(kind byte, body []byte) error) error {
	if len(payload) < headerSize || payload[0] != wireMark {
		return fmt.Errorf("not a message of the mirror: %w", ErrMalformed)
	}
	if payload[1] != wireMajor {
		return fmt.Errorf("version %d, this system speaks %d: %w", payload[1], wireMajor, ErrVersion)
	}
	rest := payload[headerSize:]
	for len(rest) > 0 {
		if len(rest) < frameSize {
			return fmt.Errorf("frame cut short: %w", ErrMalformed)
		}
		n := binary.BigEndian.Uint32(rest[1:])
		if uint64(n) > uint64(len(rest)-frameSize) {
			return fmt.Errorf("frame of %d bytes, %d are left: %w", n, len(rest)-frameSize, ErrMalformed)
		}
		if err := f(rest[0], rest[frameSize:frameSize+int(n)]); err != nil {
			return err
		}
		rest = rest[frameSize+int(n):]
	}
	return nil
}

// field reads fields from a body. After the first that is not there, bad is set
// and all else reads as zero, so that only the end needs a check.
type field struct {
	b   []byte
	bad bool
}

func (f *field) fail() { f.b, f.bad = nil, true }

func (f *field) byte() byte {
	if len(f.b) < 1 {
		f.fail()
		return 0
	}
	v := f.b[0]
	f.b = f.b[1:]
	return v
}

func (f *field) fixed() uint64 {
	if len(f.b) < 8 {
		f.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(f.b)
	f.b = f.b[8:]
	return v
}

func (f *field) uvarint() uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

// bytes is a length and that many bytes, at most limit. It aliases the body.
func (f *field) bytes(limit int) []byte {
	n := f.uvarint()
	if f.bad || n > uint64(limit) || n > uint64(len(f.b)) {
		f.fail()
		return nil
	}
	v := f.b[:n:n]
	f.b = f.b[n:]
	return v
}

// block is what beginBlock and endFrame wrote. It aliases the body.
func (f *field) block() []byte {
	if len(f.b) < 4 {
		f.fail()
		return nil
	}
	n := binary.BigEndian.Uint32(f.b)
	if uint64(n) > uint64(len(f.b)-4) {
		f.fail()
		return nil
	}
	v := f.b[4 : 4+n : 4+n]
	f.b = f.b[4+n:]
	return v
}

// count is the number of elements of a list, each of which takes at least one
// byte, at most limit.
func (f *field) count(limit int) int {
	n := f.uvarint()
	if f.bad || n > uint64(limit) || n > uint64(len(f.b)) {
		f.fail()
		return 0
	}
	return int(n)
}

// millis is a duration in whole milliseconds, at most a hundred years.
func (f *field) millis() time.Duration {
	v := f.uvarint()
	if v > maxMillis {
		f.fail()
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

const maxMillis = 100 * 366 * 24 * 3600 * 1000

func (f *field) err(what string) error {
	if f.bad {
		return fmt.Errorf("%s: %w", what, ErrMalformed)
	}
	return nil
}

func appendBytes[T string | []byte](dst []byte, b T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

func appendMillis(dst []byte, d time.Duration) []byte {
	ms := d.Milliseconds()
	if ms < 0 {
		ms = 0
	}
	return binary.AppendUvarint(dst, uint64(ms))
}

// wireRecord is a record in a delta or a batch. Key and value alias the message.
type wireRecord struct {
	key     []byte
	value   []byte
	version uint64
	deleted bool
	expires bool
	remain  time.Duration
}

const (
	recordDeleted = 1 << iota
	recordExpires
)

func uvarintLen(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

func appendRecord(dst []byte, e *entry, at int64) []byte {
	flags, ms := byte(0), uint64(0)
	size := 1 + uvarintLen(uint64(len(e.key))) + len(e.key) + uvarintLen(e.version)
	switch {
	case e.dead:
		flags = recordDeleted
	case e.expires != never:
		flags = recordExpires
		ms = uint64(max(0, e.expires-at)) / uint64(time.Millisecond)
		size += uvarintLen(ms)
	}
	if !e.dead {
		size += uvarintLen(uint64(len(e.value))) + len(e.value)
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = append(dst, flags)
	dst = appendBytes(dst, e.key)
	dst = binary.AppendUvarint(dst, e.version)
	if flags&recordExpires != 0 {
		dst = binary.AppendUvarint(dst, ms)
	}
	if !e.dead {
		dst = appendBytes(dst, e.value)
	}
	return dst
}

// recordReader walks over the records at the end of a delta or a batch.
type recordReader struct {
	f      field
	limits *Limits
}

// next reads one record into r; false at the end, or at a malformed one, which
// f.bad tells.
func (rr *recordReader) next(r *wireRecord) bool {
	if len(rr.f.b) == 0 {
		return false
	}
	f := field{b: rr.f.bytes(math.MaxInt32)}
	flags := f.byte()
	r.key = f.bytes(rr.limits.MaxKey)
	r.version = f.uvarint()
	r.deleted = flags&recordDeleted != 0
	r.expires = flags&recordExpires != 0
	r.remain = 0
	if r.expires {
		r.remain = f.millis()
	}
	r.value = nil
	if !r.deleted {
		r.value = f.bytes(rr.limits.MaxValue)
	}
	if f.bad || len(r.key) == 0 || r.version == 0 {
		rr.f.fail()
		return false
	}
	return true
}

// check walks over all records once, so that what is applied is known to be whole.
func (rr recordReader) check(what string) error {
	var r wireRecord
	for rr.next(&r) {
	}
	return rr.f.err(what)
}
