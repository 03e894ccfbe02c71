package message

// Limits bound what a message may consist of. A zero value means the default.
type Limits struct {
	// Size is the most bytes of a whole message; over it 513.
	Size int
	// Body is the most bytes of body; over it 413.
	Body int
	// URI is the most bytes of a Request-URI; over it 414.
	URI int
	// Fields is the most header lines; over it 400.
	Fields int
	// Line is the most bytes of one header field, unfolded; over it 400.
	Line int
}

// DefaultLimits: RFC 4475's longest valid message (3.5 kB) fits several times.
func DefaultLimits() Limits {
	return Limits{Size: 65_535, Body: 32 << 10, URI: 2_048, Fields: 128, Line: 8 << 10}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, p := range [...]struct{ have, def *int }{
		{&l.Size, &d.Size}, {&l.Body, &d.Body}, {&l.URI, &d.URI}, {&l.Fields, &d.Fields}, {&l.Line, &d.Line},
	} {
		if *p.have <= 0 {
			*p.have = *p.def
		}
	}
	return l
}

// The most parameters of one header value, the most values of one header in a
// message: what is over is refused, so that no search in them costs much.
const (
	maxParams = 32
	maxVias   = 70 // RFC 3261 §8.1.1.6: no request goes further than 70 hops
)
