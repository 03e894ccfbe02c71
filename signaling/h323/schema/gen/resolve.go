package main

import (
	"fmt"
	"strings"
	"unicode"
)

// inlineSize is up to how many octets an optional value or an alternative is held
// without a pointer.
const inlineSize = 64

// world is all modules of the table.
type world struct {
	modules map[string]*module
}

// goName makes an exported Go name of an ASN.1 one.
func goName(asn string) string {
	var out strings.Builder
	for _, part := range strings.Split(asn, "-") {
		if part == "" {
			continue
		}
		runes := []rune(part)
		runes[0] = unicode.ToUpper(runes[0])
		out.WriteString(string(runes))
	}
	return out.String()
}

// resolve follows references to what a type is, and tells its module.
func (w *world) resolve(m *module, t *typ) (*module, *typ, error) {
	for range 20 {
		if t.kind != kRef {
			return m, t, nil
		}
		if from, ok := m.imports[t.ref]; ok {
			name := t.ref
			if m = w.modules[from]; m == nil {
				return nil, nil, fmt.Errorf("no module %s, from which %s is imported", from, name)
			}
		}
		target := m.types[t.ref]
		if target == nil {
			return nil, nil, fmt.Errorf("%s: no type %s", m.name, t.ref)
		}
		t = target
	}
	return nil, nil, fmt.Errorf("%s: a reference that never ends", m.name)
}

// define gives all sequences, choices and enumerations of a module a Go name.
func (w *world) define(m *module) error {
	m.byName = map[string]*definition{}
	for _, name := range m.order {
		if err := w.name(m, goName(name), name, m.types[name]); err != nil {
			return err
		}
	}
	taken := map[string]string{}
	for _, d := range m.defs {
		taken[d.name] = "type"
	}
	for _, d := range m.defs {
		if d.typ.kind == kSeq {
			continue
		}
		for _, alternative := range d.alternatives() {
			constant := d.name + goName(alternative)
			if what := taken[constant]; what != "" {
				return fmt.Errorf("%s: constant %s is a %s too", m.name, constant, what)
			}
			taken[constant] = "constant"
		}
	}
	return nil
}

// alternatives are the names of a choice's or an enumeration's values.
func (d *definition) alternatives() []string {
	if d.typ.kind == kEnum {
		return d.typ.names
	}
	var names []string
	for _, f := range d.typ.fields {
		names = append(names, f.name)
	}
	return names
}

func (w *world) name(m *module, name, asn string, t *typ) error {
	switch t.kind {
	case kList:
		return w.name(m, name, "", t.elem)
	case kEnum, kSeq, kChoice:
	default:
		return nil
	}
	if m.byName[name] != nil {
		return fmt.Errorf("%s: two types become %s", m.name, name)
	}
	t.def = &definition{name: name, asn: asn, typ: t}
	m.byName[name] = t.def
	m.defs = append(m.defs, t.def)
	seen := map[string]bool{"Ext": true, "Choice": true, "Other": true}
	for _, f := range t.fields {
		child := goName(f.name)
		if seen[child] {
			return fmt.Errorf("%s.%s: the Go name %s is taken", name, f.name, child)
		}
		seen[child] = true
		child = name + child
		if t.kind == kChoice {
			child += "Value" // the name without it is the constant's
		}
		if err := w.name(m, child, "", f.typ); err != nil {
			return err
		}
	}
	return nil
}

// children are the definitions that a definition holds.
func (w *world) children(m *module, t *typ, visit func(*module, *definition)) error {
	at, real, err := w.resolve(m, t)
	if err != nil {
		return err
	}
	if real.kind == kList {
		return w.children(at, real.elem, visit)
	}
	if real.def != nil {
		visit(at, real.def)
	}
	return nil
}

// markRecursive finds the definitions that hold themselves, directly or not.
func (w *world) markRecursive(m *module) error {
	for _, d := range m.defs {
		reached := map[*definition]bool{}
		var failure error
		var visit func(at *module, child *definition)
		walk := func(at *module, child *definition) {
			for _, f := range child.typ.fields {
				if err := w.children(at, f.typ, visit); err != nil {
					failure = fmt.Errorf("%s.%s: %w", child.name, f.name, err)
				}
			}
		}
		visit = func(at *module, child *definition) {
			if !reached[child] {
				reached[child] = true
				walk(at, child)
			}
		}
		walk(m, d)
		if failure != nil {
			return failure
		}
		d.recursive = reached[d]
	}
	return nil
}

// size is about how many octets a Go value of the type takes.
func (w *world) size(m *module, t *typ) int {
	at, real, err := w.resolve(m, t)
	if err != nil {
		panic(err) // markRecursive has resolved it before
	}
	switch real.kind {
	case kNull:
		return 0
	case kBool, kEnum:
		return 1
	case kInt:
		return intSize(real)
	case kBits:
		return 32
	case kChars, kGeneral:
		return 16
	case kOctets:
		if n, fixed := fixedOctets(real); fixed {
			return n
		}
		return 24
	case kOID, kBMP, kList:
		return 24
	}
	return w.definitionSize(at, real.def)
}

func (w *world) definitionSize(m *module, d *definition) int {
	if d.size > 0 {
		return d.size
	}
	if d.sizing {
		return 1 << 20 // within itself: never held without a pointer
	}
	d.sizing = true
	size := 0
	for i, f := range d.typ.fields {
		n := w.repr(m, d.typ, i, f).size
		size += (n + 7) &^ 7
	}
	if d.typ.kind == kChoice {
		size += 8
	}
	if d.typ.extensible {
		size += 16
	}
	d.sizing = false
	d.size = max(size, 1)
	return d.size
}

func intSize(t *typ) int {
	switch goInt(t) {
	case "uint8":
		return 1
	case "uint16":
		return 2
	case "uint32", "int32":
		return 4
	}
	return 8
}

// goInt is the Go type of an INTEGER.
func goInt(t *typ) string {
	switch {
	case !t.sized || t.extensible:
		return "int64"
	case t.unbounded():
		return "uint64"
	case t.lo < 0:
		return "int32"
	case t.hi <= 255:
		return "uint8"
	case t.hi <= 65535:
		return "uint16"
	case t.hi <= 1<<32-1:
		return "uint32"
	}
	return "uint64"
}

// fixedOctets says whether an OCTET STRING is held as an array.
func fixedOctets(t *typ) (int, bool) {
	return int(t.lo), t.sized && t.lo == t.hi && t.lo <= 20
}

// holding is how a struct field holds a component.
type holding int

const (
	holdValue   holding = iota
	holdNothing         // an alternative without a value
	holdBool            // NULL OPTIONAL
	holdNil             // absent is nil
	holdEmpty           // absent is ""
	holdOpt             // per.Opt
	holdPointer         // absent is nil
)

type repr struct {
	hold holding
	size int
}

// repr decides how the field i of t is held.
func (w *world) repr(m *module, t *typ, i int, f field) repr {
	_, real, err := w.resolve(m, f.typ)
	if err != nil {
		panic(err) // markRecursive has resolved it before
	}
	structured := real.kind == kSeq || real.kind == kChoice
	if t.kind == kChoice {
		switch {
		case real.kind == kNull:
			return repr{holdNothing, 0}
		case structured && (real.def.recursive || w.size(m, f.typ) > inlineSize):
			return repr{holdPointer, 8}
		}
		return repr{holdValue, w.size(m, f.typ)}
	}
	if !f.optional && i < t.root {
		return repr{holdValue, w.size(m, f.typ)}
	}
	switch real.kind {
	case kNull:
		return repr{holdBool, 1}
	case kOID, kBMP, kList:
		return repr{holdNil, 24}
	case kOctets:
		if n, fixed := fixedOctets(real); fixed {
			return repr{holdOpt, n + 1}
		}
		return repr{holdNil, 24}
	case kChars:
		if real.sized && real.lo > 0 {
			return repr{holdEmpty, 16}
		}
	case kSeq, kChoice:
		if real.def.recursive || w.size(m, f.typ) > inlineSize {
			return repr{holdPointer, 8}
		}
	}
	return repr{holdOpt, w.size(m, f.typ) + 8}
}
