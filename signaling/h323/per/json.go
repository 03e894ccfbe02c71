package per

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// JSON prints a generated value for people and their tools: fields by their ASN.1
// names, a CHOICE as {"alternative": value}, NULL as null, OCTET STRING as hex,
// OBJECT IDENTIFIER with dots, BIT STRING as {"bits": length, "hex": octets}, what
// is unknown as raw hex under "unknownAdditions" and "unknownAlternative".
func JSON(value any) ([]byte, error) {
	return appendJSON(nil, reflect.ValueOf(value))
}

// choice is a generated CHOICE's discriminator, and an ENUMERATED.
type choice interface{ Name() string }

type optional interface{ value() (any, bool) }

func appendJSON(out []byte, v reflect.Value) ([]byte, error) {
	switch x := v.Interface().(type) {
	case OID:
		return strconv.AppendQuote(out, x.String()), nil
	case BMP:
		return appendText(out, x.String())
	case BitString:
		return fmt.Appendf(out, `{"bits":%d,"hex":"%x"}`, x.Len, x.Octets), nil
	case []byte:
		return appendHex(out, x), nil
	case choice:
		return strconv.AppendQuote(out, x.Name()), nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(out, "null"...), nil
		}
		return appendJSON(out, v.Elem())
	case reflect.Struct:
		if v.NumField() > 0 && v.Type().Field(0).Name == "Choice" {
			return appendChoice(out, v)
		}
		return appendSequence(out, v)
	case reflect.Array:
		octets := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(octets), v)
		return appendHex(out, octets), nil
	case reflect.Slice:
		return appendList(out, v)
	case reflect.String:
		return appendText(out, v.String())
	case reflect.Bool:
		return strconv.AppendBool(out, v.Bool()), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(out, v.Uint(), 10), nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(out, v.Int(), 10), nil
	}
	return nil, fmt.Errorf("no JSON for %s", v.Type())
}

func appendHex(out, octets []byte) []byte {
	out = append(out, '"')
	out = hex.AppendEncode(out, octets)
	return append(out, '"')
}

func appendText(out []byte, text string) ([]byte, error) {
	quoted, err := json.Marshal(text)
	return append(out, quoted...), err
}

func appendList(out []byte, v reflect.Value) ([]byte, error) {
	out = append(out, '[')
	for i := range v.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

func appendChoice(out []byte, v reflect.Value) ([]byte, error) {
	chosen := v.Field(0).Interface().(choice).Name()
	out = append(out, '{')
	if v.Field(0).Uint() == Unknown {
		other, _ := v.FieldByName("Other").Interface().(*Alternative)
		if other == nil {
			other = &Alternative{}
		}
		return fmt.Appendf(out, `"unknownAlternative":{"index":%d,"raw":"%x"}}`, other.Index, other.Raw), nil
	}
	out = append(strconv.AppendQuote(out, chosen), ':')
	for i := 1; i < v.NumField(); i++ {
		if v.Type().Field(i).Tag.Get("asn1") == chosen {
			out, err := appendJSON(out, v.Field(i))
			return append(out, '}'), err
		}
	}
	return append(out, "null}"...), nil
}

func appendSequence(out []byte, v reflect.Value) ([]byte, error) {
	out = append(out, '{')
	first := true
	name := func(text string) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(strconv.AppendQuote(out, text), ':')
	}
	for i := range v.NumField() {
		field := v.Field(i)
		if extension, ok := field.Interface().(Extension); ok {
			for j, addition := range extension.Additions() {
				if j == 0 {
					name("unknownAdditions")
					out = append(out, '[')
				} else {
					out = append(out, ',')
				}
				out = fmt.Appendf(out, `{"index":%d,"raw":"%x"}`, addition.Index, addition.Raw)
			}
			if len(extension.Additions()) > 0 {
				out = append(out, ']')
			}
			continue
		}
		shown, present := presentValue(field, v.Type().Field(i).Tag)
		if !present {
			continue
		}
		name(v.Type().Field(i).Tag.Get("asn1"))
		var err error
		if out, err = appendJSON(out, shown); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// presentValue says whether a field is to be printed, and what of it.
func presentValue(field reflect.Value, tag reflect.StructTag) (reflect.Value, bool) {
	if o, ok := field.Interface().(optional); ok {
		value, present := o.value()
		return reflect.ValueOf(value), present
	}
	if tag.Get("per") != "optional" {
		return field, true
	}
	switch field.Kind() {
	case reflect.Pointer, reflect.Slice:
		return field, !field.IsNil()
	case reflect.Bool: // NULL OPTIONAL
		return reflect.ValueOf((*bool)(nil)), field.Bool()
	default: // a string with one character at least
		return field, !field.IsZero()
	}
}
