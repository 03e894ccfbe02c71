package main

import "fmt"

func (g *emitter) openDecode(d *definition) {
	g.p("// UnmarshalPER decodes v, which must be empty.")
	g.p("func (v *%s) UnmarshalPER(d *per.Decoder) {", d.name)
	// A type that comes after an error says nothing and is not named in it.
	if d.recursive {
		g.p("if !d.Enter() {\nreturn\n}")
	} else {
		g.p("if d.Failed() {\nreturn\n}")
	}
}

func (g *emitter) closeDecode(d *definition) {
	if d.recursive {
		g.p("d.Leave()")
	}
	g.p("if d.Failed() {\nd.Within(%q)\n}\n}\n", d.shownName())
}

// shownName is the type in an error: as in ASN.1 where it has a name there.
func (d *definition) shownName() string {
	if d.asn != "" {
		return d.asn
	}
	return d.name
}

func (g *emitter) decodeChoice(d *definition) {
	g.openDecode(d)
	t := d.typ
	if t.extensible {
		g.p("if d.Bit() {")
		g.p("index := d.Small()")
		g.p("if index >= %d {", len(t.fields)-t.root)
		g.p("v.Choice, v.Other = per.Unknown, d.UnknownAlternative(index)")
		g.p("} else {")
		if len(t.fields) > t.root {
			g.p("o := d.Open()")
			g.p("v.Choice = %sChoice(index + %d)", d.name, t.root+1)
			g.decodeAlternatives(d, t.root, len(t.fields))
			g.p("d.CloseAlternative(o, &v.Other)")
		} else {
			g.p("d.Fail(per.ErrChoice, \"\")")
		}
		g.p("}")
		g.p("} else {")
	}
	if t.root > 1 {
		g.p("v.Choice = %sChoice(d.Whole(%d) + 1)", d.name, t.root-1)
	} else {
		g.p("v.Choice = 1")
	}
	g.decodeAlternatives(d, 0, t.root)
	if t.extensible {
		g.p("}")
	}
	g.closeDecode(d)
}

func (g *emitter) decodeAlternatives(d *definition, from, to int) {
	open := false
	for i := from; i < to; i++ {
		f := d.typ.fields[i]
		r := g.w.repr(g.m, d.typ, i, f)
		if r.hold == holdNothing {
			continue
		}
		if !open {
			g.p("switch v.Choice {")
			open = true
		}
		g.p("case %s%s:", d.name, goName(f.name))
		g.decodeField(f, r.hold)
	}
	if open {
		g.p("}")
	}
}

func (g *emitter) decodeSequence(d *definition) {
	g.openDecode(d)
	t := d.typ
	if t.extensible {
		g.p("extended := d.Bit()")
	}
	optional := 0
	for _, f := range t.fields[:t.root] {
		if f.optional {
			optional++
		}
	}
	if optional > 0 {
		g.p("present := d.Bits(%d)", optional)
	}
	for i, f := range t.fields[:t.root] {
		r := g.w.repr(g.m, t, i, f)
		if !f.optional {
			g.decodeField(f, r.hold)
			continue
		}
		optional--
		g.p("if present&%#x != 0 {", uint64(1)<<optional)
		g.decodeField(f, r.hold)
		g.p("}")
	}
	if t.extensible {
		g.p("if extended {")
		g.p("added := d.Additions(&v.Ext)")
		for i, f := range t.fields[t.root:] {
			r := g.w.repr(g.m, t, t.root+i, f)
			g.p("if added&%#x != 0 {\no := d.Open()", uint64(1)<<i)
			g.decodeField(f, r.hold)
			g.p("d.CloseAddition(o, &v.Ext, %d)\n}", i)
		}
		g.p("d.Rest(&v.Ext, added, %d)", len(t.fields)-t.root)
		g.p("}")
	}
	g.closeDecode(d)
}

// decodeField decodes a component that is present.
func (g *emitter) decodeField(f field, hold holding) {
	target := "v." + goName(f.name)
	switch hold {
	case holdBool:
		g.p("%s = true", target)
	case holdOpt:
		g.p("%s.OK = true", target)
		g.decode(target+".V", f.typ)
	case holdPointer:
		g.p("%s = per.New[%s](d)", target, g.goType(f.typ))
		g.decode(target, f.typ)
	default:
		g.decode(target, f.typ)
	}
}

// decode decodes into a place.
func (g *emitter) decode(target string, t *typ) {
	_, real := g.resolve(t)
	switch real.kind {
	case kNull:
	case kBool:
		g.p("%s = d.Bit()", target)
	case kInt:
		g.decodeInt(target, real, goInt(real))
	case kEnum:
		g.p("%s = %s(d.Enum(%d, %t))", target, g.goType(t), len(real.names), real.extensible)
	case kBits:
		lo, hi := bounds(real)
		g.p("%s = d.BitString(%d, %d)", target, lo, hi)
	case kOctets:
		g.decodeOctets(target, real)
	case kOID:
		g.p("%s = d.OID()", target)
	case kChars:
		lo, hi := bounds(real)
		g.p("%s = d.Chars(%d, %d, %s)", target, lo, hi, g.alphabet(real.from))
	case kGeneral:
		g.p("%s = d.General()", target)
	case kBMP:
		lo, hi := bounds(real)
		g.p("%s = d.BMP(%d, %d)", target, lo, hi)
	case kList:
		g.decodeList(target, real)
	default:
		g.p("%s.UnmarshalPER(d)", target)
	}
}

// bounds are a size constraint for the run-time.
func bounds(t *typ) (lo, hi int64) {
	if !t.sized {
		return 0, -1
	}
	return t.lo, t.high()
}

func (g *emitter) decodeInt(target string, t *typ, goType string) {
	switch {
	case !t.sized:
		g.p("%s = d.Integer()", target)
	case t.unbounded():
		g.p("%s = d.Distance() + %d", target, t.lo)
	case t.extensible:
		g.p("if d.Bit() {\n%s = d.Integer()\n} else {\n%s = int64(d.Whole(%d)) + %d\n}", target, target, t.hi-t.lo, t.lo)
	case t.lo == 0:
		g.p("%s = %s(d.Whole(%d))", target, goType, t.hi)
	case t.lo < 0:
		g.p("%s = %s(int64(d.Whole(%d)) - %d)", target, goType, t.hi-t.lo, -t.lo)
	default:
		g.p("%s = %s(d.Whole(%d) + %d)", target, goType, t.hi-t.lo, t.lo)
	}
}

func (g *emitter) decodeOctets(target string, t *typ) {
	lo, hi := bounds(t)
	switch _, fixed := fixedOctets(t); {
	case fixed:
		g.p("d.OctetsFixed(%s[:])", target)
	case !t.sized:
		g.p("%s = d.Octets()", target)
	default:
		g.p("%s = d.OctetsSized(%d, %d)", target, lo, hi)
	}
}

func (g *emitter) decodeList(target string, t *typ) {
	lo, hi := bounds(t)
	i := fmt.Sprintf("i%d", g.depth)
	g.depth++
	g.p("%s = per.List[%s](d, d.Count(%d, %d))", target, g.elementType(t.elem), lo, hi)
	g.p("for %s := range %s {", i, target)
	if _, elem := g.resolve(t.elem); elem.kind == kInt {
		g.decodeInt(target+"["+i+"]", elem, g.elementType(t.elem))
	} else {
		g.decode(target+"["+i+"]", t.elem)
	}
	g.p("if d.Failed() {\nbreak\n}\n}")
	g.depth--
}
