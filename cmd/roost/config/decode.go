package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder lays a YAML tree over a struct, strictly: every key must be a field's
// yaml tag, every value of the field's type. It goes on after an error.
type decoder struct {
	file   string
	lines  map[string]int
	env    func(string) string
	errs   Errors
	failed map[string]bool // the keys whose value could not be read
}

// bulky are the lists that may have 100,000 elements: their elements keep only
// their own line, in their field Line, and the keys inside are not remembered.
var bulky = map[string]bool{"users": true, "extensions": true}

// bad notes that the value of a key cannot be read. The validator then leaves the
// key alone: its value is not what was written.
func (d *decoder) bad(node *yaml.Node, path, what, right string) {
	d.failed[path] = true
	d.errs = append(d.errs, &Error{File: d.file, Line: node.Line, What: what, Right: right})
}

func (d *decoder) decode(root *yaml.Node, into *Config) {
	d.mapping(root, reflect.ValueOf(into).Elem(), "", true)
}

// value decodes one node into one field. path is the key as a person writes it,
// remember whether its line is kept.
func (d *decoder) value(node *yaml.Node, into reflect.Value, path string, remember bool) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if _, known := d.lines[path]; remember && !known {
		d.lines[path] = node.Line
	}
	if scalar, ok := into.Addr().Interface().(text); ok {
		d.text(node, scalar, path)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		if nats, ok := into.Addr().Interface().(*NATS); ok && node.Kind == yaml.SequenceNode {
			d.list(node, reflect.ValueOf(&nats.URLs).Elem(), path, remember)
			return
		}
		d.mapping(node, into, path, remember)
	case reflect.Slice:
		d.list(node, into, path, remember)
	case reflect.String:
		if written, ok := d.scalar(node, path, "a text"); ok {
			into.SetString(written)
		}
	case reflect.Bool:
		d.boolean(node, into, path)
	case reflect.Int, reflect.Float64:
		d.number(node, into, path)
	default:
		panic(fmt.Sprintf("config: key %s has a type the decoder does not know: %s", path, into.Type()))
	}
}

func (d *decoder) mapping(node *yaml.Node, into reflect.Value, path string, remember bool) {
	if node.Kind != yaml.MappingNode {
		d.bad(node, path, fmt.Sprintf("%s is %s", path, kindOf(node)), "it has keys: "+strings.Join(keysOf(into.Type()), ", "))
		return
	}
	if line := into.FieldByName("Line"); line.IsValid() && line.CanSet() {
		line.SetInt(int64(node.Line))
	}
	fields := fieldsOf(into.Type())
	seen := make(map[string]int, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		full := join(path, key.Value)
		index, known := fields[key.Value]
		if !known {
			d.bad(key, full, fmt.Sprintf("unknown key %s", full), suggestion(key.Value, path, into.Type()))
			continue
		}
		if before, twice := seen[key.Value]; twice {
			d.bad(key, full, fmt.Sprintf("%s is given twice", full), fmt.Sprintf("remove this one or the one on line %d", before))
			continue
		}
		seen[key.Value] = key.Line
		if remember {
			d.lines[full] = key.Line
		}
		d.value(value, into.Field(index), full, remember)
	}
}

// list decodes each element; it is no list where a mapping or text stands instead.
func (d *decoder) list(node *yaml.Node, into reflect.Value, path string, remember bool) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		into.SetZero()
		return
	}
	if node.Kind != yaml.SequenceNode {
		d.bad(node, path, fmt.Sprintf("%s is %s", path, kindOf(node)), "it is a list: write [a, b], or a line with - for each")
		return
	}
	made := reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content))
	remember = remember && !bulky[path]
	for i, element := range node.Content {
		d.value(element, made.Index(i), path+"["+strconv.Itoa(i)+"]", remember)
	}
	into.Set(made)
}

func (d *decoder) text(node *yaml.Node, into text, path string) {
	written, ok := d.scalar(node, path, "a text")
	if !ok {
		return
	}
	if _, secret := into.(*Secret); secret {
		if written, ok = d.resolve(node, written, path); !ok {
			return
		}
	}
	if err := into.parse(written); err != nil {
		what, right, _ := strings.Cut(err.Error(), "; ")
		d.bad(node, path, path+": "+what, right)
	}
}

// scalar takes a scalar's text as it is written: a number is a text too.
func (d *decoder) scalar(node *yaml.Node, path, wanted string) (string, bool) {
	switch {
	case node.Kind != yaml.ScalarNode:
		d.bad(node, path, fmt.Sprintf("%s is %s", path, kindOf(node)), wanted+" is needed")
		return "", false
	case node.Tag == "!!null":
		d.bad(node, path, path+" has no value", wanted+" is needed, or remove the key")
		return "", false
	case node.Tag == "!!bool":
		d.bad(node, path, fmt.Sprintf("%s is the truth value %s", path, node.Value), wanted+` is needed: put it in quotes`)
		return "", false
	}
	return node.Value, true
}

func (d *decoder) boolean(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind == yaml.ScalarNode {
		switch strings.ToLower(node.Value) {
		case "true", "on", "yes":
			into.SetBool(true)
			return
		case "false", "off", "no":
			into.SetBool(false)
			return
		}
	}
	d.bad(node, path, fmt.Sprintf("%s is %s", path, kindOf(node)), "write true or false")
}

func (d *decoder) number(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind == yaml.ScalarNode && into.Kind() == reflect.Int {
		if n, err := strconv.ParseInt(node.Value, 10, 32); err == nil {
			into.SetInt(n)
			return
		}
	} else if node.Kind == yaml.ScalarNode {
		if f, err := strconv.ParseFloat(node.Value, 64); err == nil {
			into.SetFloat(f)
			return
		}
	}
	d.bad(node, path, fmt.Sprintf("%s is %s", path, kindOf(node)), "write a number")
}

// kindOf is what a person would call the node. A scalar's value is shown, for
// none that has a type of its own is a secret.
func kindOf(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping of keys"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Tag == "!!null":
		return "empty"
	case len(node.Value) > 40:
		return fmt.Sprintf("the text %.40q…", node.Value)
	default:
		return fmt.Sprintf("the text %q", node.Value)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf maps the keys of a struct to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			fields[tag] = i
		}
	}
	return fields
}

func keysOf(t reflect.Type) []string { return slices.Sorted(maps.Keys(fieldsOf(t))) }

// Keys lists all keys of a configuration as paths, "network.lines[].system".
func Keys() []string {
	var keys []string
	walkKeys(reflect.TypeFor[Config](), "", &keys)
	return keys
}

func walkKeys(t reflect.Type, path string, keys *[]string) {
	if t.Kind() == reflect.Slice {
		t, path = t.Elem(), path+"[]"
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[text]()) {
		*keys = append(*keys, strings.TrimSuffix(path, "[]"))
		return
	}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			walkKeys(t.Field(i).Type, join(path, tag), keys)
		}
	}
}

// suggestion says what an unknown key was most likely meant to be: a key nearby,
// or the same key at its right place.
func suggestion(written, path string, t reflect.Type) string {
	if near := nearest(written, keysOf(t)); near != "" {
		return "did you mean " + join(path, near) + "?"
	}
	for _, key := range Keys() {
		if key == written || strings.HasSuffix(key, "."+written) {
			return "the key is " + key
		}
	}
	return "known here: " + strings.Join(keysOf(t), ", ")
}
