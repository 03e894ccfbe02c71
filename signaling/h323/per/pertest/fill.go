package pertest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"roost/signaling/h323/per"
)

// Filler fills generated values at random.
type Filler struct {
	Rand *rand.Rand
	// Avoid are alternatives that are not chosen and optional fields that are left out,
	// by their ASN.1 names.
	Avoid []string
	// Octets are an octet string's value, or a list's elements, by ASN.1 name: what
	// tshark dissects in its turn may not be random.
	Octets map[string][][]byte
}

type named interface{ Name() string }

// Fill fills what v points to, within the constraints in its struct tags.
func (f Filler) Fill(v any) {
	f.fill(reflect.ValueOf(v).Elem(), "", 0)
}

// FillChoice fills the CHOICE that v points to, with a given alternative.
func (f Filler) FillChoice(v any, alternative int) {
	f.choose(reflect.ValueOf(v).Elem(), alternative, 0)
}

// Alternatives is how many alternatives the CHOICE that v points to has.
func Alternatives(v any) int { return alternatives(reflect.ValueOf(v).Elem().Field(0), 1) }

func alternatives(v reflect.Value, first int) int {
	probe := reflect.New(v.Type()).Elem()
	n := 0
	for ; n < 200; n++ {
		probe.SetUint(uint64(n + first))
		if probe.Interface().(named).Name() == "unknown" && n+first > 0 && !isLast(probe, n+first) {
			break
		}
	}
	return n
}

// isLast tells an alternative that is called "unknown" from none: another follows it.
func isLast(probe reflect.Value, n int) bool {
	next := reflect.New(probe.Type()).Elem()
	next.SetUint(uint64(n + 1))
	return next.Interface().(named).Name() != "unknown"
}

// between picks from "low..high" in a tag, at most spread above low.
func (f Filler) between(limits string, otherwise, spread int64) int64 {
	low, high := int64(0), otherwise
	if limits != "" {
		l, h, _ := strings.Cut(limits, "..")
		low, _ = strconv.ParseInt(l, 10, 64)
		if high = low + otherwise; h != "" {
			high, _ = strconv.ParseInt(h, 10, 64)
		}
	}
	if spread >= 0 {
		high = min(high, low+spread)
	}
	switch f.Rand.IntN(5) {
	case 0:
		return low
	case 1:
		return high
	}
	return low + f.Rand.Int64N(high-low+1)
}

func (f Filler) fill(v reflect.Value, tag reflect.StructTag, depth int) {
	switch v.Interface().(type) {
	case per.OID:
		oids := []string{"2.999.1", "2.999.16777216", "1.3.6.1.4.1.99999.7", "1.39.127"}
		v.Set(reflect.ValueOf(per.MustOID(oids[f.Rand.IntN(len(oids))])))
		return
	case per.BMP:
		v.Set(reflect.ValueOf(per.NewBMP(f.text(tag.Get("in"), "aZ09é日"))))
		return
	case per.BitString:
		n := max(1, int(f.between(tag.Get("in"), 40, 40))) // tshark does not show an empty one
		octets := f.octets((n + 7) / 8)
		if n%8 != 0 {
			octets[len(octets)-1] &= 0xff << (8 - n%8)
		}
		v.Set(reflect.ValueOf(per.BitString{Octets: octets, Len: n}))
		return
	case per.Extension, *per.Alternative:
		return
	case []byte:
		if known := f.Octets[tag.Get("asn1")]; len(known) > 0 {
			v.SetBytes(known[0])
			return
		}
		v.SetBytes(f.octets(int(f.between(tag.Get("in"), 6, 6))))
		return
	}
	if _, ok := v.Interface().(named); ok { // ENUMERATED
		v.SetUint(uint64(f.Rand.IntN(alternatives(v, 0))))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.Rand.IntN(2) == 0)
	case reflect.String:
		alphabet := tag.Get("from")
		if alphabet == "" {
			alphabet = "abcXYZ019 .-"
		}
		v.SetString(f.text(tag.Get("in"), alphabet))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.between(tag.Get("in"), 1000, -1)))
	case reflect.Int32, reflect.Int64:
		v.SetInt(f.between(tag.Get("in"), 1<<31-1, -1))
	case reflect.Array:
		reflect.Copy(v, reflect.ValueOf(f.octets(v.Len())))
	case reflect.Slice:
		f.list(v, tag, depth)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), tag, depth)
	case reflect.Struct:
		if v.Field(0).Type().Name() != "" && v.Type().Field(0).Name == "Choice" {
			f.choose(v, 1+f.Rand.IntN(alternatives(v.Field(0), 1)), depth)
			return
		}
		f.sequence(v, depth)
	default:
		panic(fmt.Sprintf("cannot fill a %s", v.Type()))
	}
}

func (f Filler) text(limits, alphabet string) string {
	runes := []rune(alphabet)
	text := make([]rune, f.between(limits, 8, 8))
	for i := range text {
		text[i] = runes[f.Rand.IntN(len(runes))]
	}
	return string(text)
}

func (f Filler) octets(n int) []byte {
	octets := make([]byte, n)
	for i := range octets {
		octets[i] = byte(f.Rand.Uint32())
	}
	return octets
}

func (f Filler) list(v reflect.Value, tag reflect.StructTag, depth int) {
	n := int(f.between(tag.Get("in"), 2, 2))
	if depth > 3 {
		n = int(f.between(tag.Get("in"), 1, 0))
	}
	if known, ok := f.Octets[tag.Get("asn1")]; ok {
		n = min(n, len(known))
		v.Set(reflect.ValueOf(known[:n]))
		return
	}
	list := reflect.MakeSlice(v.Type(), n, n)
	in, of, _ := strings.Cut(tag.Get("of"), " ")
	elementTag := reflect.StructTag(fmt.Sprintf(`in:%q of:%q from:%q`, in, of, tag.Get("from")))
	for i := range n {
		f.fill(list.Index(i), elementTag, depth+1)
	}
	v.Set(list)
}

func (f Filler) choose(v reflect.Value, alternative, depth int) {
	if depth > 6 {
		alternative = 1
	}
	v.Field(0).SetUint(uint64(alternative))
	chosen := v.Field(0).Interface().(named).Name()
	if slices.Contains(f.Avoid, chosen) {
		v.Field(0).SetUint(1)
		chosen = v.Field(0).Interface().(named).Name()
	}
	for i := 1; i < v.NumField(); i++ {
		if tag := v.Type().Field(i).Tag; tag.Get("asn1") == chosen {
			f.fill(v.Field(i), tag, depth+1)
		}
	}
}

func (f Filler) sequence(v reflect.Value, depth int) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		present := f.Rand.IntN(10) < 7-2*depth && !slices.Contains(f.Avoid, tag.Get("asn1"))
		if strings.HasPrefix(field.Type().Name(), "Opt[") {
			if present {
				field.Field(1).SetBool(true)
				f.fill(field.Field(0), tag, depth+1)
			}
			continue
		}
		if tag.Get("per") != "optional" {
			f.fill(field, tag, depth+1)
			continue
		}
		switch {
		case !present:
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		default:
			f.fill(field, tag, depth+1)
		}
	}
}
