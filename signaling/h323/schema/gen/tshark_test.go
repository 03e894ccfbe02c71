package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// notASN1 are tables of tshark's own beside the ASN.1, and H.235.8's, which is only
// in open types that we keep raw.
var notASN1 = []string{"protocol_discriminator", "Manufacturer", "t35CountryCode", "subMessageIdentifier", "rfc_number", "h235.lifetime"}

// tsharkChoices are tshark's names of the values of each field of H.225.0, H.235 and
// H.245, one after the other, by the field and a number.
func tsharkChoices(t *testing.T) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no tshark: .ci/tools installs it")
		}
		t.Skip("no tshark, so the table is not compared with it: .ci/tools installs it")
	}
	out, err := exec.Command("tshark", "-G", "values").Output()
	if err != nil {
		t.Fatalf("tshark -G values: %v", err)
	}
	choices := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	key, number := "", 0
	for lines.Scan() {
		column := strings.Split(lines.Text(), "\t")
		if len(column) != 4 || column[0] != "V" || !isASN1(column[1]) {
			continue
		}
		if column[2] == "0" {
			number++
			key = fmt.Sprintf("%s (%d)", column[1], number)
			choices[key] = column[3]
			continue
		}
		choices[key] += " " + column[3]
	}
	return choices
}

func isASN1(field string) bool {
	if !strings.HasPrefix(field, "h225.") && !strings.HasPrefix(field, "h235.") && !strings.HasPrefix(field, "h245.") {
		return false
	}
	for _, other := range notASN1 {
		if strings.Contains(field, other) {
			return false
		}
	}
	return true
}
