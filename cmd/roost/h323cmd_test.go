package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// h323Samples are the captured messages, by the option that reads them.
var h323Samples = map[string]string{
	"ras.txt": "", "crafted-ras.txt": "", "q931.txt": "--q931", "uuie.txt": "--uuie", "h245.txt": "--h245",
}

func h323Args(file, option string, more ...string) []string {
	args := append([]string{"h323", "decode", file}, more...)
	if option != "" {
		args = append(args, option)
	}
	return args
}

func TestH323Decode_ReencodesEachCapturedLine(t *testing.T) {
	for name, option := range h323Samples {
		file := filepath.Join("../../testdata/h323", name)
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := must(t, h323Args(file, option, "--reencode")...); got != string(want) {
			t.Errorf("%s: comes out otherwise", name)
		}
	}
}

func TestH323Decode_PrintsEachLineAsAnObjectOfItsName(t *testing.T) {
	for name, option := range h323Samples {
		file := filepath.Join("../../testdata/h323", name)
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(strings.NewReader(must(t, h323Args(file, option)...)))
		lines.Buffer(nil, 1<<20)
		for _, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
			if !lines.Scan() {
				t.Fatalf("%s: fewer lines than messages", name)
			}
			var object map[string]any
			if err := json.Unmarshal(lines.Bytes(), &object); err != nil {
				t.Fatalf("%s: %v: %s", name, err, lines.Text())
			}
			if title, _, _ := strings.Cut(line, " "); object["name"] != title || len(object) < 2 {
				t.Errorf("%s: %q was printed as %v", name, title, object["name"])
			}
		}
	}
}

func TestH323Decode_NamesFieldsAsInASN1(t *testing.T) {
	out := must(t, "h323", "decode", "../../testdata/h323/crafted-ras.txt")
	wants(t, out,
		`{"name":"GRQ-minimal","gatekeeperRequest":{"requestSeqNum":1,"protocolIdentifier":"0.0.8.2250.0.4","rasAddress":{"ipAddress":{"ip":"7f000001","port":1719}}`,
		`"rejectReason":{"fullRegistrationRequired":null}`,
		`{"dialledDigits":"1000"}`,
		`"gatekeeperIdentifier":"gkA"`,
	)
	out = must(t, "h323", "decode", "--q931", "../../testdata/h323/q931.txt")
	wants(t, out, `"messageType":"setup"`, `"H323-UserInformation":{"h323-uu-pdu":{"h323-message-body":{"setup":{`,
		`{"calledPartyNumber":{"digits":"2001"`)
}

func TestH323Decode_ALineThatDoesNotDecodeIsNamedAndTheOthersArePrinted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lines.txt")
	text := "good 1c0013\ntruncated 1c00\n\nodd 1c001\nnothing\nalso-good 400031\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, told := roost("h323", "decode", file)
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wants(t, told, "line 2: truncated: RAS message: RasMessage > UnregistrationConfirm: ", "line 4: odd: the hex", "line 5: nothing: want NAME HEX")
	wants(t, out, `{"name":"good","unregistrationConfirm":{"requestSeqNum":20}}`, `{"name":"also-good"`)
	if lines := strings.Count(out, "\n"); lines != 2 {
		t.Errorf("%d lines were printed, want 2", lines)
	}
	if status, _, told := roost("h323", "decode", filepath.Join(t.TempDir(), "none")); status != 1 || told == "" {
		t.Errorf("a file that is not there: status %d, %q", status, told)
	}
}
