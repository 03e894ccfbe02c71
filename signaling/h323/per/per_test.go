package per

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// written is what write writes, in hex.
func written(t *testing.T, write func(*Encoder)) string {
	t.Helper()
	e := NewEncoder(nil)
	write(&e)
	out, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(out)
}

func TestX691_11_5_ConstrainedWholeNumbers(t *testing.T) {
	for _, c := range []struct {
		v, span uint64
		want    string
	}{
		{0, 0, "00"},                    // no bits
		{5, 7, "a0"},                    // a bit field
		{128, 192, "80"},                // 8 bits, not aligned
		{200, 255, "c8"},                // one octet
		{0x102, 256, "0102"},            // not possible: above its span
		{300, 65535, "012c"},            // two octets
		{0x10000, 0xffffff, "80010000"}, // a length of 1 to 3 in 2 bits
		{7, 0xffffffff, "0007"},
		{0xffffffff, 0xffffffff, "c0ffffffff"},
	} {
		e := NewEncoder(nil)
		e.Whole(c.v, c.span)
		out, err := e.Finish()
		if c.v > c.span {
			if !errors.Is(err, ErrRange) {
				t.Errorf("%d of %d: %x, %v", c.v, c.span, out, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(out) != c.want {
			t.Errorf("%d of %d: %x, %v, want %s", c.v, c.span, out, err, c.want)
		}
		d := NewDecoder(out)
		if v := d.Whole(c.span); v != c.v || d.Failed() {
			t.Errorf("%d of %d comes back as %d, %v", c.v, c.span, v, d.err)
		}
	}
}

func TestX691_11_5_ANumberAboveItsBoundIsAnError(t *testing.T) {
	for digits, span := range map[string]uint64{"ff": 192, "ffff": 1000, "8001ffff": 70000, "c0ffffffffff": 1 << 20} {
		data, _ := hex.DecodeString(digits)
		d := NewDecoder(data)
		if v := d.Whole(span); v != 0 || !errors.Is(d.Finish(), ErrRange) && !errors.Is(d.Finish(), ErrTrailing) {
			t.Errorf("%s of %d: %d, %v", digits, span, v, d.Finish())
		}
	}
}

func TestX691_13_UnconstrainedIntegers(t *testing.T) {
	for v, want := range map[int64]string{
		0: "0100", 127: "017f", 128: "020080", -1: "01ff", -128: "0180", -129: "02ff7f",
		1 << 31: "050080000000", -1 << 63: "088000000000000000",
	} {
		got := written(t, func(e *Encoder) { e.Integer(v) })
		if got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
		data, _ := hex.DecodeString(got)
		d := NewDecoder(data)
		if again := d.Integer(); again != v || d.Finish() != nil {
			t.Errorf("%d comes back as %d, %v", v, again, d.Finish())
		}
	}
}

func TestX691_11_9_Lengths(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 65535, 65536, 100000, 4*16384 + 16384} {
		octets := bytes.Repeat([]byte{0xab}, n)
		e := NewEncoder(nil)
		e.Bit(true)
		e.Octets(octets)
		e.Bit(true)
		out, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(out)
		d.Bit()
		if again := d.Octets(); !bytes.Equal(again, octets) || !d.Bit() || d.Finish() != nil {
			t.Errorf("%d octets come back as %d, %v", n, len(again), d.Finish())
		}
	}
	// The heads of 127, 128 and 16,384 octets, and the empty end of the last.
	if head := written(t, func(e *Encoder) { e.Octets(make([]byte, 128)) })[:4]; head != "8080" {
		t.Errorf("a length of 128 is %s", head)
	}
	if all := written(t, func(e *Encoder) { e.Octets(make([]byte, 16384)) }); all[:2] != "c1" || !strings.HasSuffix(all, "0000") {
		t.Errorf("16,384 octets begin with %s and end with %s", all[:2], all[len(all)-4:])
	}
}

func TestX691_30_5_Strings(t *testing.T) {
	digits := NewAlphabet("0123456789#*,")
	signal := NewAlphabet("0123456789#*ABCD!")
	space := NewAlphabet(" 0123456789")
	for _, c := range []struct {
		text      string
		low, high int
		alphabet  *Alphabet
		want      string
	}{
		{"1000", 1, 128, digits, "064333"}, // 4 bits a character: "1" is the fifth of "#*,0123456789", 128 lengths 7 bits
		{"5", 1, 1, signal, "35"},          // 5 bits become 8
		{"12", 1, 16, space, "1023"},       // a length of 4 bits, then aligned
		{"ab", 1, 64, nil, "046162"},
		{"", 0, 512, nil, "0000"},
		{"en", 1, 32, nil, "08656e"},
	} {
		e := NewEncoder(nil)
		e.Chars(c.text, c.low, c.high, c.alphabet)
		out, err := e.Finish()
		if err != nil || hex.EncodeToString(out) != c.want {
			t.Errorf("%q: %x, %v, want %s", c.text, out, err, c.want)
			continue
		}
		d := NewDecoder(out)
		if again := d.Chars(c.low, c.high, c.alphabet); again != c.text || d.Finish() != nil {
			t.Errorf("%q comes back as %q, %v", c.text, again, d.Finish())
		}
	}
	e := NewEncoder(nil)
	e.Chars("12a", 1, 128, digits)
	if _, err := e.Finish(); !errors.Is(err, ErrRange) {
		t.Errorf("a letter among digits: %v", err)
	}
	d := NewDecoder([]byte{0x00, 0xf0}) // one character, the 16th of 13
	if text := d.Chars(1, 128, digits); text != "" || !errors.Is(d.Finish(), ErrRange) {
		t.Errorf("a sixteenth digit: %q, %v", text, d.Finish())
	}
}

func TestOID_DottedFormBothWays(t *testing.T) {
	for dotted, want := range map[string]string{
		"0.0.8.2250.0.7": "0008914a0007", "1.2.840.113549.2.5": "2a864886f70d0205", "2.999.1": "883701", "1.39": "4f",
	} {
		oid, err := ParseOID(dotted)
		if err != nil || hex.EncodeToString(oid) != want || oid.String() != dotted {
			t.Errorf("%s: %x, %s, %v, want %s", dotted, []byte(oid), oid, err, want)
		}
	}
	for _, wrong := range []string{"", "1", "3.1", "1.40", "1.x", "0.0." + strings.Repeat("9", 30)} {
		if oid, err := ParseOID(wrong); err == nil {
			t.Errorf("%q: %x", wrong, []byte(oid))
		}
	}
	for _, broken := range []OID{nil, {0x80}, bytes.Repeat([]byte{0xff}, 20)} {
		if text := broken.String(); !strings.HasPrefix(text, "invalid:") {
			t.Errorf("%x is %s", []byte(broken), text)
		}
	}
}

func TestBMP_BeyondTheBasicPlaneAndBrokenText(t *testing.T) {
	for _, text := range []string{"", "gkA", "Jörg 日本", "𝄞!"} {
		if again := NewBMP(text).String(); again != text {
			t.Errorf("%q comes back as %q", text, again)
		}
	}
	if text := (BMP{0xd8, 0x00, 0x00, 0x41, 0xdc}).String(); text != "\ufffdA" {
		t.Errorf("half a surrogate pair is %q", text)
	}
}

// extensible is a SEQUENCE {a BOOLEAN, ..., b OCTET STRING} as the generator writes it.
type extensible struct {
	A   bool
	B   []byte
	Ext Extension
}

func (v *extensible) decode(d *Decoder) {
	extended := d.Bit()
	v.A = d.Bit()
	if extended {
		added := d.Additions(&v.Ext)
		if added&1 != 0 {
			o := d.Open()
			v.B = d.Octets()
			d.CloseAddition(o, &v.Ext, 0)
		}
		d.Rest(&v.Ext, added, 1)
	}
}

func (v *extensible) encode(e *Encoder) {
	var added uint64
	if v.B != nil {
		added = 1
	}
	extended := v.Ext.Extended(added)
	e.Bit(extended)
	e.Bit(v.A)
	if extended {
		e.Additions(&v.Ext, added, 1)
		if added&1 != 0 {
			mark := e.Open()
			e.Octets(v.B)
			e.CloseAddition(mark, &v.Ext, 0)
		}
		e.Rest(&v.Ext, 1)
	}
}

func TestExtension_WhatANewerSenderWroteIsPassedOnUnchanged(t *testing.T) {
	for title, digits := range map[string]string{
		"no extension":                               "40",
		"the bitmap of an equal":                     "c040" + "03" + "02abcd",
		"a longer bitmap, all unset":                 "c080",
		"three additions, the third known to nobody": "c150" + "03" + "02abcd" + "04" + "01020304",
		"one of a newer sender only":                 "c0a0" + "01" + "ff",
		"more within what we know":                   "c040" + "05" + "02abcd" + "eeff",
		"an open type without octets":                "c0e0" + "03" + "02abcd" + "00",
	} {
		data, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		var v extensible
		d := NewDecoder(data)
		v.decode(&d)
		if err := d.Finish(); err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		if again := written(t, v.encode); again != digits {
			t.Errorf("%s: %s became %s (%+v, %+v)", title, digits, again, v, v.Ext.Additions())
		}
	}
}

func TestExtension_AFieldThatIsSetLaterWidensTheBitmap(t *testing.T) {
	var v extensible
	d := NewDecoder([]byte{0x40})
	v.decode(&d)
	v.B = []byte{7}
	if got := written(t, v.encode); got != "c040"+"02"+"0107" {
		t.Errorf("became %s", got)
	}
}

func TestExtension_MoreThan64AdditionsAreRefused(t *testing.T) {
	var v extensible
	d := NewDecoder([]byte{0xe0, 0x41, 0xff, 0xff})
	v.decode(&d)
	if err := d.Finish(); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
}

func TestOpen_LongValuesAndFragments(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 16380, 16384, 50000} {
		v := extensible{B: bytes.Repeat([]byte{1}, n)}
		e := NewEncoder([]byte("before"))
		v.encode(&e)
		out, err := e.Finish()
		if err != nil || !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("%d: %v", n, err)
		}
		var again extensible
		d := NewDecoder(out[len("before"):])
		again.decode(&d)
		if err := d.Finish(); err != nil || !bytes.Equal(again.B, v.B) {
			t.Errorf("%d octets in an open type come back as %d, %v", n, len(again.B), err)
		}
	}
}

func TestDecoder_BoundsOfAMessage(t *testing.T) {
	for title, read := range map[string]func(*Decoder){
		"a list of more elements than bits": func(d *Decoder) { d.Count(0, -1) },
		"a list in fragments":               func(d *Decoder) { d.take(1); d.Count(0, -1) },
		"a list above the limit":            func(d *Decoder) { d.take(2); d.Count(1, 65535) },
		"a string longer than the octets":   func(d *Decoder) { d.Chars(0, -1, nil) },
		"an open type longer than them":     func(d *Decoder) { d.Open() },
		"an integer of 127 octets":          func(d *Decoder) { d.Integer() },
		"lists that take too much memory":   func(d *Decoder) { List[[4096]byte](d, 300) },
		"values that take too much memory":  func(d *Decoder) { New[[MaxMemory + 1]byte](d) },
	} {
		d := NewDecoder([]byte{0x7f, 0xc1, 0xff, 0xf0})
		read(&d)
		if err := d.Finish(); !errors.Is(err, ErrLimit) && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %v", title, err)
		}
	}
	d := NewDecoder(nil)
	for range MaxDepth {
		if !d.Enter() {
			t.Fatal("refused below the limit")
		}
	}
	if d.Enter() || !errors.Is(d.Finish(), ErrLimit) {
		t.Errorf("a nesting of %d: %v", MaxDepth+1, d.Finish())
	}
}

func TestDecoder_OctetsBehindTheValueAreAnError(t *testing.T) {
	d := NewDecoder([]byte{0x80, 1})
	d.Bit()
	var failure *Error
	if err := d.Finish(); !errors.Is(err, ErrTrailing) || !errors.As(err, &failure) || failure.Bit != 1 {
		t.Errorf("%v", err)
	}
}

func TestError_TellsThePlaceFromTheOutside(t *testing.T) {
	d := NewDecoder([]byte{0xff})
	d.Bits(3)
	d.Octets()
	d.Within("Inner")
	d.Within("Outer")
	if err := d.Finish(); err == nil || err.Error() != fmt.Sprintf("Outer > Inner: %v (octet 1, bit 0)", ErrTruncated) {
		t.Errorf("%v", err)
	}
}

func FuzzExtensible(f *testing.F) {
	for _, digits := range []string{"40", "c0400302abcd", "c0e00302abcd00", "c080", "c1500302abcd0401020304"} {
		data, _ := hex.DecodeString(digits)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again extensible
		d := NewDecoder(data)
		v.decode(&d)
		if d.Finish() != nil {
			return
		}
		e := NewEncoder(nil)
		v.encode(&e)
		out, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		d = NewDecoder(out)
		again.decode(&d)
		if err := d.Finish(); err != nil || !bytes.Equal(again.B, v.B) || again.A != v.A {
			t.Fatalf("%x became %x: %v", data, out, err)
		}
	})
}
