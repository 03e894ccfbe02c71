package main

// kind is what a type of the table is.
type kind int

const (
	kNull kind = iota
	kBool
	kInt     // lo..hi, or lo.., or unconstrained; extensible
	kEnum    // names; extensible
	kBits    // lo..hi
	kOctets  // lo..hi
	kOID     //
	kChars   // lo..hi, from; known-multiplier string
	kGeneral //
	kBMP     // lo..hi
	kSeq     // fields
	kChoice  // fields
	kList    // elem, lo..hi
	kRef     // a named type
)

// typ is a type of the table. hi < lo means that there is no upper bound, and
// sized is false where there is no constraint at all.
type typ struct {
	kind       kind
	sized      bool
	lo, hi     int64
	extensible bool // an extension marker: in a number's constraint, an enumeration, a sequence, a choice
	names      []string
	from       string
	elem       *typ
	fields     []field // of the root, then the additions
	root       int     // how many fields stand before the extension marker
	ref        string
	def        *definition // of a named sequence, choice or enumeration, named by the table or by us
}

// field is a component of a sequence or an alternative of a choice.
type field struct {
	name     string
	typ      *typ
	optional bool
}

// definition is a type that has a Go type of its own.
type definition struct {
	name      string // in Go
	asn       string // in the table, "" where it had no name
	typ       *typ
	recursive bool
	sizing    bool
	size      int
}

// module is one file of the table, and one Go package or a part of one.
type module struct {
	name    string
	pkg     string            // the Go package
	imports map[string]string // type → module
	types   map[string]*typ
	order   []string
	defs    []*definition
	byName  map[string]*definition
}

// unbounded is a constraint without an upper bound.
func (t *typ) unbounded() bool { return !t.sized || t.hi < t.lo }

// high is the upper bound for the run-time, which takes -1 as none.
func (t *typ) high() int64 {
	if t.unbounded() {
		return -1
	}
	return t.hi
}
