package h225

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/signaling/h323/per"
	"roost/signaling/h323/per/pertest"
)

// sameReading fails where tshark sees a fault in a message, or does not name a field
// that we have put into it.
func sameReading(t *testing.T, title string, m message, reading pertest.Reading) {
	t.Helper()
	text, err := per.JSON(m)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pertest.Names(text)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := m.Append(nil)
	if len(reading.Faults) > 0 {
		t.Errorf("%s: tshark: %q\n%x\n%s", title, reading.Faults, data, text)
		return
	}
	var missing []string
	for name := range names {
		if !reading.Names[name] && !(name == "releaseCompleteReason" && reading.Names["reason"]) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("%s: tshark shows no %q\n%x\n%s", title, missing, data, text)
	}
}

// filled is a message with random contents, encoded, and proven to be decoded to the
// same value.
func filled[M message](t *testing.T, m M, decode func([]byte) (M, error)) []byte {
	t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(data)
	if err != nil {
		text, _ := per.JSON(m)
		t.Fatalf("%v: %x\n%s", err, data, text)
	}
	was, _ := per.JSON(m)
	is, _ := per.JSON(again)
	if !bytes.Equal(was, is) {
		t.Fatalf("%x decodes as\n%s\nwas\n%s", data, is, was)
	}
	return data
}

// filler fills messages with what tshark can read to the end.
func filler(t *testing.T) pertest.Filler {
	t.Helper()
	f := pertest.Filler{Rand: rand.New(rand.NewPCG(1, 2)), Avoid: pertest.Signed, Octets: map[string][][]byte{
		"h245Control":               {{0x01, 0x00, 0x32, 0x80, 0xcd, 0x60, 0xca}, {0x21, 0x80, 0x01}},
		"parallelH245Control":       {{0x20, 0xa0}},
		"h4501SupplementaryService": {},
		"messageContent":            {},
	}}
	for _, s := range samples(t, "uuie.txt") {
		u, err := DecodeUserInformation(s.data)
		if err != nil {
			t.Fatal(err)
		}
		if setup := u.H323UuPdu.H323MessageBody.Setup; setup != nil && len(setup.FastStart) > 0 {
			f.Octets["fastStart"] = setup.FastStart
			return f
		}
	}
	t.Fatal("no capture has a fast start")
	return f
}

func TestRAS_TsharkReadsWhatWeBuild(t *testing.T) {
	fill := filler(t)
	var messages []*RasMessage
	var octets [][]byte
	for alternative := range pertest.Alternatives(&RasMessage{}) {
		for range 12 {
			m := &RasMessage{}
			fill.FillChoice(m, alternative+1)
			messages = append(messages, m)
			octets = append(octets, filled(t, m, DecodeRAS))
		}
	}
	for i, reading := range pertest.Tshark(t, "h225.ras", octets) {
		sameReading(t, messages[i].Choice.Name(), messages[i], reading)
	}
}

func TestUserInformation_TsharkReadsWhatWeBuild(t *testing.T) {
	fill := filler(t)
	var messages []*H323UserInformation
	var octets [][]byte
	body := &H323UserInformation{}
	for alternative := range pertest.Alternatives(&body.H323UuPdu.H323MessageBody) {
		for range 12 {
			m := &H323UserInformation{}
			fill.Fill(m)
			m.H323UuPdu.H323MessageBody = H323UUPDUH323MessageBody{}
			fill.FillChoice(&m.H323UuPdu.H323MessageBody, alternative+1)
			messages = append(messages, m)
			octets = append(octets, filled(t, m, DecodeUserInformation))
		}
	}
	for i, reading := range pertest.Tshark(t, "h323ui", octets) {
		sameReading(t, messages[i].H323UuPdu.H323MessageBody.Choice.Name(), messages[i], reading)
	}
}

// tsharksOwn are names that tshark shows beside those of the fields: of types in
// lists, of its own columns, of the request that an answer belongs to.
var tsharksOwn = []string{
	"AliasAddress", "AlternateGK", "AuthenticationMechanism", "ClearToken", "CryptoH323Token", "Endpoint",
	"FeatureDescriptor", "GenericData", "PartyNumber", "RTPSession", "ServiceControlSession", "SupportedPrefix",
	"SupportedProtocols", "TransportAddress", "RasMessage", "H235-SECURITY-MESSAGES",
	"EXPORTED_PDU", "Tag", "Length", "Number", "Data", "guid", "reason",
}

func TestRAS_WeReadTheFieldsThatTsharkReadsInTheCaptures(t *testing.T) {
	for _, file := range []string{"ras.txt", "crafted-ras.txt"} {
		all := samples(t, file)
		octets := make([][]byte, len(all))
		for i, s := range all {
			octets[i] = s.data
		}
		for i, reading := range pertest.Tshark(t, "h225.ras", octets) {
			m, err := DecodeRAS(octets[i])
			if err != nil {
				t.Fatal(err)
			}
			text, err := per.JSON(m)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := pertest.Names(text)
			if err != nil {
				t.Fatal(err)
			}
			for name := range reading.Names {
				if !ours[name] && !slices.Contains(tsharksOwn, name) {
					t.Errorf("%s: tshark reads %s, we do not: %s", all[i].name, name, text)
				}
			}
		}
	}
}
