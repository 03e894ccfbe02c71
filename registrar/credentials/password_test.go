package credentials

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestPassword_IsNeverPrinted(t *testing.T) {
	p := Password("geheim")
	text, err := json.Marshal(struct{ P Password }{p})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s %q", p, p, p, p, p), string(text)} {
		if strings.Contains(shown, "geheim") {
			t.Errorf("shown as %s", shown)
		}
	}
}
