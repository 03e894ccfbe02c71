package main

import (
	"strings"
	"testing"
	"time"

	"roost/cmd/roost/lab/phone"
	"roost/cmd/roost/lab/phone/rtp"
)

// `roost phone --call` ends with status 0 only if the call was answered and its
// voice was heard to the end.
func TestCallIsJudgedByItsVoice(t *testing.T) {
	heard := []phone.HeardTone{{Hz: 700, MS: 5000}}
	for name, test := range map[string]struct {
		voice *phone.VoiceReport
		want  string // of the error; empty for none
	}{
		"heard":        {&phone.VoiceReport{Tones: heard, VoiceMS: 5000}, ""},
		"not answered": {nil, "was not answered"},
		"silent":       {&phone.VoiceReport{Received: 250, Silent: 250}, "no voice was heard"},
		"lost":         {&phone.VoiceReport{Tones: heard, Lost: true, LostAt: 7.5}, "lost 7.5 s after"},
	} {
		err := judgeCall(phone.Report{Event: phone.CallEnded, With: "202", Voice: test.voice})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestPhoneWordsAboutCalls(t *testing.T) {
	for line, want := range map[string]phone.Command{
		"call 202":     {Do: "call", To: "202"},
		"transfer 203": {Do: "transfer", To: "203"},
		"dial 42#":     {Do: "dial", Digits: "42#"},
		"hang-up":      {Do: "hang-up"},
		"block home":   {Do: "block", Towards: "home"},
	} {
		if got := typed(line); got != want {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
	}
}

func TestCallFlags(t *testing.T) {
	flags := callFlags{Call: "202", Answers: "busy", SRTP: "capneg", Suite: []string{"AEAD_AES_128_GCM"}, Tone: 440}
	h := flags.habits()
	if err := h.Check(); err != nil {
		t.Fatal(err)
	}
	if h.Talk != 10*time.Second || h.Answers != phone.Busy || h.SRTP != phone.CapNegSRTP || h.Suites[0] != rtp.AES128GCM || h.Tone != 440 {
		t.Errorf("%+v", h)
	}
	flags.Suite = []string{"AES_CM_256"}
	if h = flags.habits(); h.Check() == nil {
		t.Error("an unknown suite was taken")
	}
}
