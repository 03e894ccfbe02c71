package docs

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab"
	"roost/signaling/call"
)

// fieldsOf are the names under which encoding/json writes a struct.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// structsIn are the struct types of a package that a value is made of, itself included.
func structsIn(t reflect.Type, found map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		structsIn(t.Elem(), found)
	case reflect.Struct:
		if found[t.Name()] != nil || !strings.HasPrefix(t.PkgPath(), "roost/") {
			return
		}
		found[t.Name()] = t
		for i := range t.NumField() {
			structsIn(t.Field(i).Type, found)
		}
	}
}

// TestHTTPAPI_EachFieldHasItsRow: each JSON field of the API stands in the table of
// its type, and nothing else does; those of a call's record on the page of calls.
func TestHTTPAPI_EachFieldHasItsRow(t *testing.T) {
	types := map[string]reflect.Type{}
	for _, value := range []any{api.Status{}, api.Registrations{}, api.CallList{}, api.CallLog{}, api.TakeOver{}, api.Release{}, api.Announce{}, api.Busy{}, api.Refuse{}, api.Answer{}} {
		structsIn(reflect.TypeOf(value), types)
	}
	records := map[string]reflect.Type{}
	structsIn(reflect.TypeOf(call.Record{}), records)
	for name, is := range types {
		page := "docs/http-api.md"
		if records[name] != nil {
			page = "docs/calls.md"
		}
		compare(t, page+", "+name, rows(t, page, "### "+name), fieldsOf(is))
	}
	for name := range records {
		if types[name] == nil {
			t.Errorf("a record has a %s, which is in no answer of the API", name)
		}
	}
}

// TestLabJSON_EachFieldHasItsRow: the same of what `roost lab --json` writes. The
// fields of timelines, expectations and times stand in the row of theirs.
func TestLabJSON_EachFieldHasItsRow(t *testing.T) {
	types := map[string]reflect.Type{}
	structsIn(reflect.TypeOf(lab.Outcome{}), types)
	_, table, _ := strings.Cut(read(t, "docs/lab.md"), "\n## `--json`\n")
	for name, is := range types {
		for _, field := range fieldsOf(is) {
			if !strings.Contains(table, "`"+field+"`") {
				t.Errorf("docs/lab.md does not tell of %s, which %s has in JSON", field, name)
			}
		}
	}
}

func compare(t *testing.T, what string, documented, real []string) {
	t.Helper()
	for _, name := range real {
		if !slices.Contains(documented, name) {
			t.Errorf("%s: %s is not documented", what, name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(real, name) {
			t.Errorf("%s: %s is documented, but there is no such thing", what, name)
		}
	}
}
