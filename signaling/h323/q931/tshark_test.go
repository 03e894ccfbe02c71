package q931

import (
	"strconv"
	"testing"

	"roost/signaling/h323/per/pertest"
)

func TestQ931_TsharkReadsWhatWeBuild(t *testing.T) {
	setup := &Message{Type: Setup, Reference: 0x1234}
	setup.Set(SendingComplete, nil)
	setup.Set(BearerCapability, Bearer{Capability: 16, Rate: 16, Layer1: 3}.Bytes())
	setup.Set(Display, []byte("Anna"))
	setup.Set(CallingPartyNumber, Number{Type: 1, Plan: 1, Screened: true, Presentation: 1, Screening: 3, Digits: "442071"}.Bytes())
	setup.Set(CalledPartyNumber, Number{Plan: 9, Digits: "2001"}.Bytes())
	setup.Set(RedirectingNumber, Number{Plan: 9, Digits: "2002"}.Bytes())

	alerting := &Message{Type: Alerting, Reference: 0x1234, FromDestination: true}
	alerting.Set(ProgressIndicator, []byte{0x80, 0x88})
	alerting.Set(Signal, []byte{0x01})

	release := &Message{Type: ReleaseComplete, Reference: 0x7fff, FromDestination: true}
	release.Set(CauseID, Cause{Location: 0, Value: 17}.Bytes())

	status := &Message{Type: Status, Reference: 1}
	status.Set(CauseID, Cause{Location: 10, Value: 30}.Bytes())
	status.Set(CallState, []byte{10})

	messages := []*Message{setup, alerting, release, status}
	want := []map[string]string{
		{
			"q931.call_ref": "12:34", "q931.message_type": "5", "q931.calling_party_number.digits": "442071",
			"q931.called_party_number.digits": "2001", "q931.presentation_ind": "1", "q931.screening_ind": "3",
			"q931.information_transfer_capability": "16", "q931.uil1": "3",
		},
		{"q931.call_ref": "12:34", "q931.call_ref_flag": "1", "q931.message_type": "1"},
		{"q931.call_ref": "7f:ff", "q931.message_type": "90", "q931.cause_value": "17", "q931.cause_location": "0"},
		{"q931.message_type": "125", "q931.cause_value": "30", "q931.cause_location": "10"},
	}
	var octets [][]byte
	for _, m := range messages {
		data, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		octets = append(octets, data)
	}
	for i, reading := range pertest.Tshark(t, "q931", octets) {
		if len(reading.Faults) > 0 {
			t.Errorf("%s: tshark: %q", messages[i].Type, reading.Faults)
		}
		for name, value := range want[i] {
			if !equalValue(reading.Values[name], value) {
				t.Errorf("%s: tshark's %s is %q, want %s: %x", messages[i].Type, name, reading.Values[name], value, octets[i])
			}
		}
	}
}

// equalValue lets tshark write a number in decimal or in hex, and a flag as a word.
func equalValue(got, want string) bool {
	if got == "True" {
		got = "1"
	}
	g, err := strconv.ParseUint(got, 0, 32)
	if err != nil {
		return got == want
	}
	w, err := strconv.ParseUint(want, 10, 32)
	return err == nil && g == w
}
