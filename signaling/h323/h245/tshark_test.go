package h245

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"roost/signaling/h323/per"
	"roost/signaling/h323/per/pertest"
)

// built are messages with random contents, some for each request, response, command
// and indication.
func built(fill pertest.Filler, each int) []*MultimediaSystemControlMessage {
	var messages []*MultimediaSystemControlMessage
	add := func(kind MultimediaSystemControlMessageChoice, v func(*MultimediaSystemControlMessage) any) {
		for alternative := range pertest.Alternatives(v(&MultimediaSystemControlMessage{})) {
			for range each {
				m := &MultimediaSystemControlMessage{Choice: kind}
				fill.FillChoice(v(m), alternative+1)
				messages = append(messages, m)
			}
		}
	}
	add(MultimediaSystemControlMessageRequest, func(m *MultimediaSystemControlMessage) any {
		m.Request = &RequestMessage{}
		return m.Request
	})
	add(MultimediaSystemControlMessageResponse, func(m *MultimediaSystemControlMessage) any {
		m.Response = &ResponseMessage{}
		return m.Response
	})
	add(MultimediaSystemControlMessageCommand, func(m *MultimediaSystemControlMessage) any {
		m.Command = &CommandMessage{}
		return m.Command
	})
	add(MultimediaSystemControlMessageIndication, func(m *MultimediaSystemControlMessage) any {
		m.Indication = &IndicationMessage{}
		return m.Indication
	})
	return messages
}

func TestH245_TsharkReadsWhatWeBuild(t *testing.T) {
	fill := pertest.Filler{
		Rand:  rand.New(rand.NewPCG(3, 4)),
		Avoid: []string{"genericParameter"}, // in an EncryptionSync tshark takes it for MIKEY
		Octets: map[string][][]byte{
			"h235Key":          {{0x00, 0x00, 0x07, 0xab}}, // a secureChannel of 8 bits
			"returnedFunction": {{0x01, 0x00, 0x32, 0x80, 0xcd, 0x60, 0xca}},
			"productNumber":    {[]byte("roost")},
			"versionNumber":    {[]byte("1.0")},
		},
	}
	messages := built(fill, 10)
	var octets [][]byte
	for _, m := range messages {
		data, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(data)
		if err != nil {
			text, _ := per.JSON(m)
			t.Fatalf("%v: %x\n%s", err, data, text)
		}
		was, _ := per.JSON(m)
		is, _ := per.JSON(again)
		if !bytes.Equal(was, is) {
			t.Fatalf("%x decodes as\n%s\nwas\n%s", data, is, was)
		}
		octets = append(octets, data)
	}
	for i, reading := range pertest.Tshark(t, "h245dg", octets) {
		sameReading(t, messages[i], octets[i], reading)
	}
}

// sameReading fails where tshark sees a fault in a message, or does not name a field
// that we have put into it.
func sameReading(t *testing.T, m *MultimediaSystemControlMessage, data []byte, reading pertest.Reading) {
	t.Helper()
	text, err := per.JSON(m)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pertest.Names(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(reading.Faults) > 0 {
		t.Errorf("tshark: %q\n%x\n%s", reading.Faults, data, text)
		return
	}
	var missing []string
	for name := range names {
		// tshark calls the lists of this name nonStandardData.
		if !reading.Names[name] && !(name == "nonStandard" && reading.Names["nonStandardData"]) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("tshark shows no %q\n%x\n%s", missing, data, text)
	}
}
