package q931

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	text, err := os.ReadFile("../../../testdata/h323/q931.txt")
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string][]byte{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, digits, _ := strings.Cut(line, " ")
		data, err := hex.DecodeString(digits)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		all[name] = data
	}
	return all
}

func TestQ931_EachCapturedMessageDecodesAndEncodesToTheSameOctets(t *testing.T) {
	for name, data := range samples(t) {
		m, err := Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: %v: encoded again:\n%x\nwas\n%x", name, err, again, data)
		}
		if text, err := m.JSON(nil); err != nil || !json.Valid(text) {
			t.Errorf("%s: no JSON: %v: %s", name, err, text)
		}
		if m.Type.String() == "type 0" || m.Reference == 0 && m.Type != StatusInquiry {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestQ931_ASetupAsItIsRead(t *testing.T) {
	m, err := Decode(samples(t)["call-alerting-answered#14"])
	if err != nil {
		t.Fatal(err)
	}
	if m.Type != Setup || m.Reference != 0x55d4 || m.FromDestination {
		t.Errorf("read as %s %#x from destination %v", m.Type, m.Reference, m.FromDestination)
	}
	element := func(id ID) []byte {
		data, ok := m.Get(id)
		if !ok {
			t.Errorf("no %s", id)
		}
		return data
	}
	if display := string(element(Display)); display != "2002\x00" {
		t.Errorf("display %q", display)
	}
	if calling, err := ParseNumber(element(CallingPartyNumber)); err != nil || calling.Digits != "2002" || calling.Plan != 1 || calling.Screened {
		t.Errorf("calling %+v, %v", calling, err)
	}
	if called, err := ParseNumber(element(CalledPartyNumber)); err != nil || called.Digits != "2001" {
		t.Errorf("called %+v, %v", called, err)
	}
	if bearer, err := ParseBearer(element(BearerCapability)); err != nil || bearer != (Bearer{Capability: 0, Rate: 16, Layer1: 5}) {
		t.Errorf("bearer %+v, %v", bearer, err)
	}
	if _, ok := m.UserInformation(); !ok {
		t.Error("no H323-UserInformation")
	}
}

func TestQ931_ElementsComeBackAsBuilt(t *testing.T) {
	cause := Cause{Location: 2, Value: 17, Rest: []byte{1}}
	if again, err := ParseCause(cause.Bytes()); err != nil || again.Value != 17 || again.Location != 2 || !bytes.Equal(again.Rest, cause.Rest) {
		t.Errorf("cause %+v, %v", again, err)
	}
	if withRecommendation, err := ParseCause([]byte{0x02, 0x80, 0x90}); err != nil || withRecommendation.Value != 16 {
		t.Errorf("cause with octet 3a %+v, %v", withRecommendation, err)
	}
	for _, number := range []Number{
		{Type: 1, Plan: 1, Digits: "4420"},
		{Plan: 9, Screened: true, Presentation: 1, Screening: 3, Digits: "2001"},
	} {
		if again, err := ParseNumber(number.Bytes()); err != nil || again != number {
			t.Errorf("%+v came back as %+v, %v", number, again, err)
		}
	}
	for _, bearer := range []Bearer{{Capability: 16, Rate: 16, Layer1: 2}, {Capability: 8, Rate: 24, Multiplier: 6, Layer1: 5}} {
		if again, err := ParseBearer(bearer.Bytes()); err != nil || again != bearer {
			t.Errorf("%+v came back as %+v, %v", bearer, again, err)
		}
	}
}

func TestQ931_SetKeepsTheOrderOfElements(t *testing.T) {
	m := &Message{Type: Setup, Reference: 7}
	m.SetUserInformation([]byte{1, 2, 3})
	m.Set(Display, []byte("x"))
	m.Set(BearerCapability, Bearer{Rate: 16}.Bytes())
	m.Set(Display, []byte("Anna"))
	data, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := hex.DecodeString("0802000705" + "04028090" + "2804416e6e61" + "7e000405010203"); !bytes.Equal(data, want) {
		t.Errorf("built %x, want %x", data, want)
	}
}

func TestQ931_CodeSetsAreFollowed(t *testing.T) {
	// A non-locking shift to code set 6 before an element that has 7e's number there,
	// then a locking one to 5.
	data, _ := hex.DecodeString("0802000105" + "9e" + "7e0141" + "280142" + "95" + "280143")
	m, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if display, _ := m.Get(Display); string(display) != "B" {
		t.Errorf("display %q, want that of code set 0", display)
	}
	if _, ok := m.Get(UserUser); ok {
		t.Error("user-user of code set 6 was taken for that of code set 0")
	}
	if again, err := m.Append(nil); err != nil || !bytes.Equal(again, data) {
		t.Errorf("encoded again %x, %v", again, err)
	}
}

func TestQ931_BadOctetsAreErrors(t *testing.T) {
	for digits, want := range map[string]error{
		"":                   ErrTruncated,
		"0902000105":         ErrProtocol,
		"0803000001":         ErrProtocol,
		"080200":             ErrTruncated,
		"080200010528":       ErrTruncated,
		"08020001052805":     ErrTruncated,
		"08020001057effff05": ErrTruncated,
		"08020001057e00":     ErrTruncated,
		"0802000105" + strings.Repeat("a1", MaxElements+1): ErrLimit,
	} {
		data, _ := hex.DecodeString(digits)
		if m, err := Decode(data); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v, want %v", digits, m, err, want)
		}
	}
	if _, err := Decode(make([]byte, MaxMessage+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("an oversize message: %v", err)
	}
	for _, m := range []*Message{
		{Reference: 0x8000},
		{ReferenceLength: 1, Reference: 200},
		{Elements: []Element{{ID: SendingComplete, Data: []byte{1}}}},
		{Elements: []Element{{ID: Display, Data: make([]byte, 256)}}},
		{Elements: []Element{{ID: UserUser, Data: make([]byte, 65536)}}},
	} {
		if data, err := m.Append([]byte{9}); err == nil || len(data) != 1 {
			t.Errorf("%+v: encoded as %x", m, data)
		}
	}
}

func TestTPKT_CutsAStreamIntoFrames(t *testing.T) {
	stream, err := AppendTPKT(nil, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if stream, err = AppendTPKT(stream, nil); err != nil {
		t.Fatal(err)
	}
	for cut := range 7 {
		if frame, rest, need, err := CutTPKT(stream[:cut]); frame != nil || err != nil || len(rest) != cut || need <= cut {
			t.Errorf("with %d octets: frame %x, need %d, %v", cut, frame, need, err)
		}
	}
	frame, rest, _, err := CutTPKT(stream)
	if err != nil || string(frame) != "one" {
		t.Fatalf("first frame %q, %v", frame, err)
	}
	if frame, rest, _, err = CutTPKT(rest); err != nil || frame == nil || len(frame) != 0 || len(rest) != 0 {
		t.Errorf("the keep-alive: %v, rest %x, %v", frame, rest, err)
	}
	if _, err := AppendTPKT(nil, make([]byte, 65532)); !errors.Is(err, ErrLimit) {
		t.Errorf("65,536 octets: %v", err)
	}
}

func TestTPKT_LengthsOf0And3AreErrorsAndOf65535IsWaitedFor(t *testing.T) {
	for _, length := range []byte{0, 3} {
		if _, _, _, err := CutTPKT([]byte{3, 0, 0, length, 1, 2, 3}); !errors.Is(err, ErrTPKT) {
			t.Errorf("a length of %d: %v", length, err)
		}
	}
	if frame, _, need, err := CutTPKT([]byte{3, 0, 0xff, 0xff, 1}); frame != nil || need != 65535 || err != nil {
		t.Errorf("a length of 65,535: frame %x, need %d, %v", frame, need, err)
	}
	if _, _, _, err := CutTPKT([]byte("GET /")); !errors.Is(err, ErrTPKT) {
		t.Errorf("another protocol: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil {
			t.Fatalf("decoded, but not encoded: %v", err)
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x", data, again)
		}
		if _, err := m.JSON(nil); err != nil {
			t.Fatal(err)
		}
		m.Set(Display, []byte("x"))
		m.UserInformation()
	})
}

func FuzzCutTPKT(f *testing.F) {
	f.Add([]byte{3, 0, 0, 7, 1, 2, 3, 3, 0, 0, 4})
	f.Fuzz(func(t *testing.T, stream []byte) {
		for {
			frame, rest, need, err := CutTPKT(stream)
			if err != nil {
				return
			}
			if frame == nil {
				if need <= len(stream) {
					t.Fatalf("wants %d octets, has %d", need, len(stream))
				}
				return
			}
			if len(frame)+TPKTHeader+len(rest) != len(stream) {
				t.Fatal("octets were lost")
			}
			stream = rest
		}
	})
}
