package h225

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"roost/signaling/h323/per"
)

// md5Token is the token of notes/h323.md: password "secret", alias 2001.
var md5Token = mustHex("61000100c06b02f7730c00730065006300720065007400000800320030003000310000")

func mustHex(digits string) []byte {
	data, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return data
}

func TestClearToken_AsItIsHashedForCryptoEPPwdHash(t *testing.T) {
	token := ClearToken{
		TokenOID:  per.MustOID("0.0"),
		TimeStamp: per.Some(uint32(0x6b02f774)), // its lower bound is 1,
		Password:  per.NewBMP("secret\x00"),
		GeneralID: per.NewBMP("2001\x00"),
	}
	data, err := token.Append(nil)
	if err != nil || !bytes.Equal(data, md5Token) {
		t.Fatalf("encoded as %x, %v, want %x", data, err, md5Token)
	}
	if hash := md5.Sum(data); hex.EncodeToString(hash[:]) != "3e49b639a78c163d427371b12920c7ba" {
		t.Errorf("its MD5 is %x", hash)
	}
	again, err := DecodeClearToken(data)
	if err != nil || again.Password.String() != "secret\x00" || again.TimeStamp.V != 0x6b02f774 {
		t.Errorf("comes back as %+v, %v", again, err)
	}
}

func TestRAS_BadOctetsAreErrors(t *testing.T) {
	whole := samples(t, "crafted-ras.txt")
	for _, s := range whole {
		for cut := range s.data {
			if m, err := DecodeRAS(s.data[:cut]); err == nil {
				again, _ := m.Append(nil)
				t.Errorf("%s: the first %d octets of %d are a message: %x", s.name, cut, len(s.data), again)
			}
		}
		if _, err := DecodeRAS(append(bytes.Clone(s.data), 0)); !errors.Is(err, per.ErrTrailing) {
			t.Errorf("%s: with an octet more: %v", s.name, err)
		}
	}
	if _, err := DecodeRAS(make([]byte, MaxMessage+1)); !errors.Is(err, per.ErrLimit) {
		t.Errorf("a message of 65,536 octets: %v", err)
	}
}

func TestRAS_HugeCountsAreRefusedBeforeMemoryIsTaken(t *testing.T) {
	// An RRQ with 16,383 callSignalAddresses announced, in 65,535 octets of zeroes: as
	// many addresses as there are octets for would be 4 MB.
	data := append(mustHex("0e000009060008914a000400bfff"), make([]byte, 60000)...)
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeRAS(data); !errors.Is(err, per.ErrLimit) {
				b.Fatalf("%v", err)
			}
		}
	})
	if allocated.AllocedBytesPerOp() > per.MaxMemory/16 {
		t.Errorf("%d octets were allocated", allocated.AllocedBytesPerOp())
	}
}

func TestRAS_NestingIsBounded(t *testing.T) {
	nested := GenericData{Id: GenericIdentifier{Choice: GenericIdentifierStandard, Standard: 1}}
	for range 40 {
		nested = GenericData{Id: nested.Id, Parameters: []EnumeratedParameter{{
			Id: nested.Id, Content: &Content{Choice: ContentNested, Nested: []GenericData{nested}},
		}}}
	}
	m := RasMessage{Choice: RasMessageUnregistrationConfirm, UnregistrationConfirm: &UnregistrationConfirm{
		RequestSeqNum: 1, GenericData: []GenericData{nested},
	}}
	if _, err := m.Append(nil); !errors.Is(err, per.ErrLimit) {
		t.Errorf("encoding: %v", err)
	}
	for levels, want := range map[int]error{4: nil, 40: per.ErrLimit, 4000: per.ErrLimit} {
		if _, err := DecodeRAS(deepMessage(t, levels)); !errors.Is(err, want) {
			t.Errorf("decoding %d levels: %v, want %v", levels, err, want)
		}
	}
}

// deepMessage writes a UCF with a genericData in which there is another, and so on,
// past the bounds of the encoder.
func deepMessage(t *testing.T, levels int) []byte {
	t.Helper()
	generic := per.NewEncoder(nil)
	generic.Count(1, 0, -1)
	identifier := func() {
		generic.Bit(false)
		generic.Whole(0, 2) // standard
		generic.Bit(false)
		generic.Whole(1, 16383)
	}
	for level := range levels {
		last := level == levels-1
		generic.Bit(false)
		generic.Bit(!last) // parameters
		identifier()
		if last {
			break
		}
		generic.Count(1, 1, 512)
		generic.Bit(false)
		generic.Bit(true) // content
		identifier()
		generic.Bit(false)
		generic.Whole(11, 11) // nested
		generic.Count(1, 1, 16)
	}
	data, err := generic.Finish()
	if err != nil {
		t.Fatal(err)
	}
	e := per.NewEncoder(nil)
	e.Bit(false)
	e.Whole(7, 24) // unregistrationConfirm
	e.Bit(true)
	e.Bit(false)
	e.Whole(0, 65534)
	e.Small(4)      // five additions, of which
	e.Bits(0b10, 5) // the fourth is genericData
	e.Octets(data)
	out, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRAS_AMessageThatCannotBeWrittenNamesItsField(t *testing.T) {
	for want, m := range map[string]*RasMessage{
		"nothing is chosen": {},
		"RasMessage > UnregistrationConfirm: -1 above the lower bound": {
			Choice: RasMessageUnregistrationConfirm, UnregistrationConfirm: &UnregistrationConfirm{}},
		"RasMessage: nothing is chosen": {Choice: RasMessageGatekeeperRequest},
		"AliasAddress: character \"x\"": {Choice: RasMessageUnregistrationRequest, UnregistrationRequest: &UnregistrationRequest{
			RequestSeqNum: 1, EndpointAlias: []AliasAddress{{Choice: AliasAddressDialledDigits, DialledDigits: "12x"}}}},
	} {
		data, err := m.Append([]byte("kept"))
		if err == nil || !strings.Contains(err.Error(), want) || string(data) != "kept" {
			t.Errorf("%q, %v, want %s", data, err, want)
		}
	}
}

func TestRAS_AnUnknownAlternativeIsPassedOnUnchanged(t *testing.T) {
	// RasMessage with alternative 40 behind the extension marker, and a UCF with an
	// addition that is not known.
	for _, digits := range []string{"a803aabbcc", "1e00130a0803abcdef"} {
		data := mustHex(digits)
		m, err := DecodeRAS(data)
		if err != nil {
			t.Errorf("%s: %v", digits, err)
			continue
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s became %x, %v", digits, again, err)
		}
		text, err := per.JSON(m)
		if err != nil || !bytes.Contains(text, []byte(`"raw":"a`)) {
			t.Errorf("%s: %s, %v", digits, text, err)
		}
	}
}

func TestRAS_TheHashOfATokenLiesInTheOctetsOfTheMessage(t *testing.T) {
	found := false
	for _, s := range samples(t, "ras.txt") {
		data := bytes.Clone(s.data)
		m, err := DecodeRAS(data)
		if err != nil {
			t.Fatal(err)
		}
		if m.RegistrationRequest == nil {
			continue
		}
		for _, token := range m.RegistrationRequest.CryptoTokens {
			hashed := token.NestedcryptoToken.CryptoHashedToken
			if token.Choice != CryptoH323TokenNestedcryptoToken || hashed == nil || hashed.Token.Hash.Len != 96 {
				continue
			}
			found = true
			at := bytes.Index(data, hashed.Token.Hash.Octets)
			clear(hashed.Token.Hash.Octets)
			if at < 0 || !bytes.Equal(data[at:at+12], make([]byte, 12)) {
				t.Errorf("%s: the hash is a copy", s.name)
			}
		}
	}
	if !found {
		t.Error("no captured registration has an H.235.1 token")
	}
}
