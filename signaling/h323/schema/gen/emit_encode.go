package main

import "fmt"

func (g *emitter) openEncode(d *definition) {
	g.p("// MarshalPER encodes v.")
	g.p("func (v *%s) MarshalPER(e *per.Encoder) {", d.name)
	if d.recursive {
		g.p("if !e.Enter() {\nreturn\n}")
	} else {
		g.p("if e.Failed() {\nreturn\n}")
	}
}

func (g *emitter) closeEncode(d *definition) {
	if d.recursive {
		g.p("e.Leave()")
	}
	g.p("if e.Failed() {\ne.Within(%q)\n}\n}\n", d.shownName())
}

func (g *emitter) encodeChoice(d *definition) {
	g.openEncode(d)
	t := d.typ
	g.p("switch c := uint64(v.Choice); {")
	g.p("case c >= 1 && c <= %d:", t.root)
	if t.extensible {
		g.p("e.Bit(false)")
	}
	if t.root > 1 {
		g.p("e.Whole(c-1, %d)", t.root-1)
	}
	g.encodeAlternatives(d, 0, t.root)
	if len(t.fields) > t.root {
		g.p("case c > %d && c <= %d:", t.root, len(t.fields))
		g.p("e.Bit(true)")
		g.p("e.Small(int(c) - %d)", t.root+1)
		g.p("mark := e.Open()")
		g.encodeAlternatives(d, t.root, len(t.fields))
		g.p("e.CloseAlternative(mark, v.Other)")
	}
	if t.extensible {
		g.p("case c == per.Unknown:\ne.UnknownAlternative(v.Other)")
	}
	g.p("default:\ne.Choose()")
	g.p("}")
	g.closeEncode(d)
}

func (g *emitter) encodeAlternatives(d *definition, from, to int) {
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
		if r.hold == holdPointer {
			g.p("if v.%s == nil {\ne.Choose()\nbreak\n}", goName(f.name))
		}
		g.encodeField(f, r.hold)
	}
	if open {
		g.p("}")
	}
}

// presence is the condition under which a component is there.
func presence(f field, hold holding) string {
	target := "v." + goName(f.name)
	switch hold {
	case holdBool:
		return target
	case holdOpt:
		return target + ".OK"
	case holdEmpty:
		return target + ` != ""`
	default:
		return target + " != nil"
	}
}

func (g *emitter) encodeSequence(d *definition) {
	g.openEncode(d)
	t := d.typ
	if t.extensible {
		g.p("var added uint64")
		for i, f := range t.fields[t.root:] {
			r := g.w.repr(g.m, t, t.root+i, f)
			g.p("if %s {\nadded |= %#x\n}", presence(f, r.hold), uint64(1)<<i)
		}
		g.p("extended := v.Ext.Extended(added)")
		g.p("e.Bit(extended)")
	}
	optional := 0
	for _, f := range t.fields[:t.root] {
		if f.optional {
			optional++
		}
	}
	for i, f := range t.fields[:t.root] {
		if f.optional {
			g.p("e.Bit(%s)", presence(f, g.w.repr(g.m, t, i, f).hold))
		}
	}
	for i, f := range t.fields[:t.root] {
		r := g.w.repr(g.m, t, i, f)
		if !f.optional {
			g.encodeField(f, r.hold)
			continue
		}
		if r.hold == holdBool {
			continue // its presence is all
		}
		g.p("if %s {", presence(f, r.hold))
		g.encodeField(f, r.hold)
		g.p("}")
	}
	if t.extensible {
		g.p("if extended {")
		g.p("e.Additions(&v.Ext, added, %d)", len(t.fields)-t.root)
		for i, f := range t.fields[t.root:] {
			r := g.w.repr(g.m, t, t.root+i, f)
			g.p("if added&%#x != 0 {\nmark := e.Open()", uint64(1)<<i)
			g.encodeField(f, r.hold)
			g.p("e.CloseAddition(mark, &v.Ext, %d)\n}", i)
		}
		g.p("e.Rest(&v.Ext, %d)", len(t.fields)-t.root)
		g.p("}")
	}
	g.closeEncode(d)
}

func (g *emitter) encodeField(f field, hold holding) {
	source := "v." + goName(f.name)
	switch hold {
	case holdBool:
	case holdOpt:
		g.encode(source+".V", f.typ)
	default:
		g.encode(source, f.typ)
	}
}

// encode encodes from a place.
func (g *emitter) encode(source string, t *typ) {
	_, real := g.resolve(t)
	lo, hi := bounds(real)
	switch real.kind {
	case kNull:
	case kBool:
		g.p("e.Bit(%s)", source)
	case kInt:
		g.encodeInt(source, real)
	case kEnum:
		g.p("e.Enum(uint8(%s), %d, %t)", source, len(real.names), real.extensible)
	case kBits:
		g.p("e.BitString(%s, %d, %d)", source, lo, hi)
	case kOctets:
		switch _, fixed := fixedOctets(real); {
		case fixed:
			g.p("e.OctetsFixed(%s[:])", source)
		case !real.sized:
			g.p("e.Octets(%s)", source)
		default:
			g.p("e.OctetsSized(%s, %d, %d)", source, lo, hi)
		}
	case kOID:
		g.p("e.OID(%s)", source)
	case kChars:
		g.p("e.Chars(%s, %d, %d, %s)", source, lo, hi, g.alphabet(real.from))
	case kGeneral:
		g.p("e.General(%s)", source)
	case kBMP:
		g.p("e.BMP(%s, %d, %d)", source, lo, hi)
	case kList:
		i := fmt.Sprintf("i%d", g.depth)
		g.depth++
		g.p("e.Count(len(%s), %d, %d)", source, lo, hi)
		g.p("for %s := range %s {", i, source)
		g.encode(source+"["+i+"]", real.elem)
		g.p("}")
		g.depth--
	default:
		g.p("%s.MarshalPER(e)", source)
	}
}

func (g *emitter) encodeInt(source string, t *typ) {
	span := t.hi - t.lo
	switch {
	case !t.sized:
		g.p("e.Integer(%s)", source)
	case t.unbounded():
		g.p("if %s < %d {\ne.Fail(per.ErrRange, \"\")\n}", source, t.lo)
		g.p("e.Distance(%s - %d)", source, t.lo)
	case t.extensible:
		g.p("if x := %s; x >= %d && x <= %d {", source, t.lo, t.hi)
		g.p("e.Bit(false)\ne.Whole(uint64(x - %d), %d)", t.lo, span)
		g.p("} else {\ne.Bit(true)\ne.Integer(x)\n}")
	case t.lo == 0:
		g.p("e.Whole(uint64(%s), %d)", source, span)
	case t.lo < 0:
		g.p("e.Whole(uint64(int64(%s) + %d), %d)", source, -t.lo, span)
	default:
		g.p("e.Whole(uint64(%s) - %d, %d)", source, t.lo, span)
	}
}
