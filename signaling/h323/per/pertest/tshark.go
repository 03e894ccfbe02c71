package pertest

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Reading is what tshark reads in one message.
type Reading struct {
	// Names are the ASN.1 names of the fields that it shows.
	Names map[string]bool
	// Values are the values of its fields, the last of each, by tshark's own names.
	Values map[string]string
	// Faults are its remarks that the message is malformed, or was not dissected.
	Faults []string
}

// Signed are the alternatives that tshark cannot dissect: a message with a SIGNED
// is malformed to it.
var Signed = []string{"cryptoEPCert", "cryptoGKCert", "cryptoFastStart", "cryptoSignedToken", "certProtectedKey"}

// Tshark has tshark dissect messages with one of its dissectors: h225.ras, h323ui,
// h245dg, q931.
func Tshark(t *testing.T, dissector string, messages [][]byte) []Reading {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no tshark: .ci/tools installs it")
		}
		t.Skip("no tshark, so what we build is read by nobody else: .ci/tools installs it")
	}
	file := filepath.Join(t.TempDir(), "messages.pcap")
	if err := os.WriteFile(file, capture(dissector, messages), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("tshark", "-n", "-r", file, "-T", "pdml")
	var told strings.Builder
	command.Stderr = &told
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, told.String())
	}
	var document struct {
		Packets []struct {
			Protos []pdmlField `xml:"proto"`
		} `xml:"packet"`
	}
	if err := xml.Unmarshal(out, &document); err != nil {
		t.Fatalf("tshark's PDML: %v", err)
	}
	if len(document.Packets) != len(messages) {
		t.Fatalf("tshark has read %d messages of %d: %s", len(document.Packets), len(messages), told.String())
	}
	readings := make([]Reading, len(messages))
	for i, packet := range document.Packets {
		readings[i].Names, readings[i].Values = map[string]bool{}, map[string]string{}
		for _, proto := range packet.Protos {
			readings[i].note(proto)
		}
	}
	return readings
}

type pdmlField struct {
	Name   string      `xml:"name,attr"`
	Value  string      `xml:"show,attr"`
	Show   string      `xml:"showname,attr"`
	Protos []pdmlField `xml:"proto"`
	Fields []pdmlField `xml:"field"`
}

var shownName = regexp.MustCompile(`^(?:[.01]{4} [.01]{4} (?:= )?)?([A-Za-z][A-Za-z0-9_-]*)(?::|$)`)

func (r *Reading) note(f pdmlField) {
	switch {
	case strings.HasPrefix(f.Name, "_ws.malformed"), strings.HasPrefix(f.Name, "_ws.expert"), strings.HasPrefix(f.Name, "per.error"):
		r.Faults = append(r.Faults, fmt.Sprintf("%s %s", f.Name, f.Show))
	}
	if match := shownName.FindStringSubmatch(f.Show); match != nil && !strings.HasPrefix(f.Name, "per.") {
		r.Names[match[1]] = true
	}
	r.Values[f.Name] = f.Value
	for _, inner := range f.Protos {
		r.note(inner)
	}
	for _, inner := range f.Fields {
		r.note(inner)
	}
}

// capture is a pcap file of link type 252, Wireshark's upper PDUs: each message with
// the name of its dissector.
func capture(dissector string, messages [][]byte) []byte {
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	file = binary.LittleEndian.AppendUint16(file, 2)
	file = binary.LittleEndian.AppendUint16(file, 4)
	file = append(file, make([]byte, 8)...)
	file = binary.LittleEndian.AppendUint32(file, 1<<18)
	file = binary.LittleEndian.AppendUint32(file, 252)
	for _, message := range messages {
		packet := binary.BigEndian.AppendUint16(nil, 12) // the dissector's name
		packet = binary.BigEndian.AppendUint16(packet, uint16(len(dissector)))
		packet = append(packet, dissector...)
		packet = append(packet, 0, 0, 0, 0)
		packet = append(packet, message...)
		file = append(file, make([]byte, 8)...)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = append(file, packet...)
	}
	return file
}
