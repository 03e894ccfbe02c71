package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestDocumentation_HasEachKeyOnce walks the keys and wants a table row for each
// in docs/configuration.md, and none for a key that there is not.
func TestDocumentation_HasEachKeyOnce(t *testing.T) {
	data, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, is := strings.CutPrefix(line, "| `"); is {
			key, _, _ := strings.Cut(rest, "`")
			documented = append(documented, key)
		}
	}
	keys := Keys()
	for _, key := range keys {
		if n := count(documented, key); n != 1 {
			t.Errorf("%s is described %d times in docs/configuration.md", key, n)
		}
	}
	for _, key := range documented {
		if !slices.Contains(keys, key) {
			t.Errorf("docs/configuration.md describes %s, which is no key", key)
		}
	}
}

func count(list []string, wanted string) int {
	n := 0
	for _, item := range list {
		if item == wanted {
			n++
		}
	}
	return n
}

// TestDocumentation_HasTheDefaults wants each default that Default sets in the
// row of its key.
func TestDocumentation_HasTheDefaults(t *testing.T) {
	data, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for line := range strings.SplitSeq(string(data), "\n") {
		if cells := strings.Split(line, " | "); len(cells) >= 3 {
			rows[strings.Trim(cells[0], "| `")] = cells[1]
		}
	}
	for key, want := range defaults(reflect.ValueOf(Default()).Elem(), "") {
		if got := strings.Trim(rows[key], "`"); got != want {
			t.Errorf("%s: the default is %s, docs/configuration.md says %q", key, want, got)
		}
	}
}

// defaults lists the values of all keys that are not zero, as written.
func defaults(v reflect.Value, path string) map[string]string {
	found := make(map[string]string)
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == "" || tag == "-" {
			continue
		}
		field, key := v.Field(i), join(path, tag)
		_, scalar := field.Addr().Interface().(text)
		switch {
		case field.Kind() == reflect.Struct && !scalar:
			for inner, value := range defaults(field, key) {
				found[inner] = value
			}
		case field.IsZero():
		default:
			found[key] = written(field)
		}
	}
	return found
}

func written(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		var items []string
		for i := range v.Len() {
			items = append(items, written(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}
