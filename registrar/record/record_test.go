package record

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
	"roost/registrar/directory"

	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func sampleRegistration() Registration {
	return Registration{
		Registration: registrar.Registration{
			Number: "201", Protocol: registrar.SIP, Transport: registrar.TLS, Contact: "sip:201@10.1.2.3:5061;transport=tls",
			Source: netip.MustParseAddrPort("[2001:db8::7]:40000"), Flow: 0xfeedface, Instance: "<urn:uuid:1>", RegID: 2,
			CallID: "abc@10.1.2.3", CSeq: 77, Branch: 1 << 63, Nonce: 9, NonceCount: 3, UserAgent: "Avaya J179", Path: "<sip:edge;lr>",
			Q: 500, Granted: 180, Since: now.Add(-time.Hour), Registered: now.Add(-80 * time.Second), Expires: now.Add(100 * time.Second),
			Guest: true, Home: "london",
		},
		H323: H323{RAS: netip.MustParseAddrPort("10.1.2.3:1719"), CallSignalling: netip.MustParseAddrPort("10.1.2.3:1720"),
			Aliases: []string{"301", "ada"}, EndpointID: "ep-7"},
	}
}

func sampleCall() Call {
	return Call{ID: "7-1", Direct: true, Start: now.Add(-2 * time.Minute), Answer: now.Add(-time.Minute), Ends: [2]CallEnd{
		{Number: "201", Name: "Ada", Kind: "phone", System: "london", CallID: "abc@10.1.2.3", OurTag: "t1", TheirTag: "t2"},
		{Number: "202", Name: "Ben", Kind: "system", System: "paris", CallID: "def", OurTag: "t3", TheirTag: "t4"},
	}}
}

func TestSH1_EverySharedFieldArrives(t *testing.T) {
	user := User{User: directory.User{Number: "201", Name: "Ada Ashe", LoginCode: "4711",
		Secret:   credentials.FromPassword("201", "example.test", "secret201"),
		H235:     "secret201",
		Settings: directory.Settings{DoNotDisturb: true, Forwards: directory.Forwards{Always: "1", Busy: "2", NoAnswer: "3", NoAnswerAfter: 20}}},
		BaseExtension: "201"}
	gotUser, err := ParseUser(AppendUser(nil, &user))
	check(t, gotUser, user, err)

	extension := Extension{directory.Extension{Number: "201", Protocol: registrar.H323, BaseUser: "202",
		MediaSecurity: registrar.MediaSecurityEnforced, Profile: "snom"}}
	gotExtension, err := ParseExtension(AppendExtension(nil, &extension))
	check(t, gotExtension, extension, err)

	registration := sampleRegistration()
	gotRegistration, err := ParseRegistration(AppendRegistration(nil, &registration, now), now)
	check(t, gotRegistration, registration, err)

	guest := Guest{Phone: "201", Home: "london", Where: "paris", Busy: true, Since: now.Add(-time.Minute), Granted: 90}
	gotGuest, err := ParseGuest(AppendGuest(nil, &guest, now), now)
	check(t, gotGuest, guest, err)

	entry := DirEntry{Number: "201", Name: "Ada", Home: "london", Where: "paris", Busy: true}
	gotEntry, err := ParseDirEntry(AppendDirEntry(nil, &entry))
	check(t, gotEntry, entry, err)

	call := sampleCall()
	gotCall, err := ParseCall(AppendCall(nil, &call, now), now)
	check(t, gotCall, call, err)
	check(t, gotCall.Ends[1], call.Ends[1], nil)

	location := Location{Name: "ground-floor", Subnets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/48")}}
	gotLocation, err := ParseLocation(AppendLocation(nil, &location))
	check(t, gotLocation, location, err)

	key := credentials.Key{ID: 7, Secret: [16]byte{1, 2, 3}}
	gotKey, err := ParseKey(AppendKey(nil, key))
	check(t, gotKey, key, err)
}

func check(t *testing.T, got, want any, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	v := reflect.ValueOf(want)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the sample leaves %s.%s empty, so it proves nothing of it", v.Type(), v.Type().Field(i).Name)
		}
	}
}

func TestSH2_ExpiryTravelsAsRemainingTime(t *testing.T) {
	r := sampleRegistration()
	b := AppendRegistration(nil, &r, now)
	// A reader whose clock is an hour ahead.
	got, err := ParseRegistration(b, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(time.Hour + 100*time.Second); !got.Expires.Equal(want) {
		t.Errorf("expires %v, want %v: as long from the reader's now as from the writer's", got.Expires, want)
	}
	expired := sampleRegistration()
	expired.Expires = now.Add(-time.Second)
	if got, err = ParseRegistration(AppendRegistration(nil, &expired, now), now); err != nil || !got.Expires.Equal(now) {
		t.Errorf("an expired binding: %v, %v; want one that ends now", got.Expires, err)
	}
}

func TestAnOlderReaderSkipsFieldsThatItDoesNotKnow(t *testing.T) {
	entry := DirEntry{Number: "201", Home: "london"}
	b := appendText(AppendDirEntry(nil, &entry), 99, "of a newer version")
	b = appendUint(b, 1000, 12)
	got, err := ParseDirEntry(b)
	if err != nil || got != entry {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBoundsAreErrors(t *testing.T) {
	long := begin(nil, KindDirEntry)
	for range maxFields + 1 {
		long = appendUint(long, 99, 1)
	}
	aliases := sampleRegistration()
	aliases.H323.Aliases = strings.Split(strings.Repeat("a,", maxAliases), ",")
	aliases.H323.Aliases[maxAliases] = "one more"
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":        {nil, ErrTruncated},
		"other kind":   {begin(nil, KindUser), ErrKind},
		"other format": {[]byte{byte(KindDirEntry), 9}, ErrFormat},
		"half a field": {append(begin(nil, KindDirEntry), 1<<3|wireBytes, 5, 'a'), ErrTruncated},
		"wire type":    {append(begin(nil, KindDirEntry), 1<<3|5, 5), ErrField},
		"long number":  {appendText(begin(nil, KindDirEntry), entryNumber, strings.Repeat("9", registrar.MaxNumberLength+1)), ErrTooLong},
		"many fields":  {long, ErrTooLong},
		"huge":         {make([]byte, maxRecord+1), ErrTooLong},
	} {
		if _, err := ParseDirEntry(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := ParseRegistration(AppendRegistration(nil, &aliases, now), now); !errors.Is(err, ErrTooLong) {
		t.Errorf("many aliases: %v", err)
	}
	if _, err := ParseUser(begin(nil, KindUser)); !errors.Is(err, ErrNumber) {
		t.Errorf("a user without a number: %v", err)
	}
	call := sampleCall()
	call.Ends[1].OurTag = ""
	if _, err := ParseCall(AppendCall(nil, &call, now), now); !errors.Is(err, ErrTruncated) {
		t.Errorf("a call without its dialog: %v", err)
	}
	if _, err := ParseKey(appendUint(begin(nil, KindKey), keyID, 1)); !errors.Is(err, ErrTruncated) {
		t.Errorf("a key without its secret: %v", err)
	}
}

// FuzzParse holds for bytes of a peer: no panic, and what is understood is
// understood again in the same way after it was written.
func FuzzParse(f *testing.F) {
	r := sampleRegistration()
	f.Add(AppendRegistration(nil, &r, now))
	f.Add(AppendGuest(nil, &Guest{Phone: "201", Since: now}, now))
	f.Add(AppendDirEntry(nil, &DirEntry{Number: "1"}))
	f.Add(AppendUser(nil, &User{User: directory.User{Number: "1", Name: "A", Secret: credentials.FromPassword("1", "r", "p")}}))
	f.Add(AppendExtension(nil, &Extension{directory.Extension{Number: "1", Protocol: registrar.SIP}}))
	f.Add(AppendKey(nil, credentials.Key{ID: 1}))
	call := sampleCall()
	f.Add(AppendCall(nil, &call, now))
	f.Fuzz(func(t *testing.T, b []byte) {
		understood := 0
		again(t, b, &understood,
			func(b []byte) (Registration, error) { return ParseRegistration(b, now) },
			func(r *Registration) []byte {
				if r.Expires.IsZero() {
					r.Expires = now // said or not said: it has ended
				}
				return AppendRegistration(nil, r, now)
			})
		again(t, b, &understood, func(b []byte) (Guest, error) { return ParseGuest(b, now) },
			func(g *Guest) []byte { return AppendGuest(nil, g, now) })
		again(t, b, &understood, func(b []byte) (Call, error) { return ParseCall(b, now) },
			func(c *Call) []byte { return AppendCall(nil, c, now) })
		again(t, b, &understood, ParseUser, func(u *User) []byte { return AppendUser(nil, u) })
		again(t, b, &understood, ParseExtension, func(e *Extension) []byte { return AppendExtension(nil, e) })
		again(t, b, &understood, ParseDirEntry, func(e *DirEntry) []byte { return AppendDirEntry(nil, e) })
		again(t, b, &understood, ParseKey, func(k *credentials.Key) []byte { return AppendKey(nil, *k) })
		if understood > 1 || understood == 1 && KindOf(b) == 0 {
			t.Errorf("%x was understood as %d kinds, KindOf says %d", b, understood, KindOf(b))
		}
	})
}

func again[T any](t *testing.T, b []byte, understood *int, parse func([]byte) (T, error), write func(*T) []byte) {
	v, err := parse(b)
	if err != nil {
		return
	}
	*understood++
	written := write(&v)
	if twice, err := parse(written); err != nil || !reflect.DeepEqual(twice, v) {
		t.Errorf("%+v became %+v, %v", v, twice, err)
	}
}

// Whatever a registrar can hold arrives as it was.
func TestSH1_RegistrationsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string, limit int) string { return rapid.StringN(0, limit/4, limit).Draw(t, name) }
		address := func(name string) netip.AddrPort {
			b := rapid.SliceOfN(rapid.Byte(), 4, 16).Draw(t, name)
			port := rapid.Uint16().Draw(t, name)
			switch ip, ok := netip.AddrFromSlice(b); {
			case ok:
				return netip.AddrPortFrom(ip, port)
			case len(b) > 12:
				return netip.AddrPortFrom(netip.MustParseAddr("fe80::1%eth0"), port)
			}
			return netip.AddrPort{}
		}
		second := func(name string, limit int) time.Duration {
			return time.Duration(rapid.IntRange(0, limit).Draw(t, name)) * time.Millisecond
		}
		r := Registration{Registration: registrar.Registration{
			Number:   registrar.Number("2" + text("number", registrar.MaxNumberLength-1)),
			Protocol: rapid.SampledFrom([]registrar.Protocol{registrar.SIP, registrar.H323}).Draw(t, "protocol"),
			Contact:  text("contact", registrar.MaxContactLength), Source: address("source"),
			Transport: registrar.Transport(rapid.IntRange(0, 5).Draw(t, "transport")),
			Flow:      registrar.FlowID(rapid.Uint64().Draw(t, "flow")), Instance: text("instance", registrar.MaxInstanceLength),
			RegID: rapid.Uint32().Draw(t, "regid"), CallID: text("callid", registrar.MaxCallIDLength),
			CSeq: rapid.Uint32().Draw(t, "cseq"), Branch: rapid.Uint64().Draw(t, "branch"),
			Nonce: rapid.Uint64().Draw(t, "nonce"), NonceCount: rapid.Uint32().Draw(t, "nc"),
			UserAgent: text("agent", registrar.MaxUserAgentLength), Path: text("path", registrar.MaxPathLength),
			Q: uint16(rapid.IntRange(0, 1000).Draw(t, "q")), Granted: rapid.Uint32().Draw(t, "granted"),
			Since: now.Add(-second("since", 1<<31)), Registered: now.Add(-second("registered", 1<<25)),
			Expires: now.Add(second("expires", 1<<25)), Guest: rapid.Bool().Draw(t, "guest"), Home: text("home", registrar.MaxHomeLength),
		}}
		got, err := ParseRegistration(AppendRegistration(nil, &r, now), now)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got  %+v, %v\nwant %+v", got, err, r)
		}
	})
}

func BenchmarkAppendRegistration(b *testing.B) {
	r := sampleRegistration()
	buffer := AppendRegistration(nil, &r, now)
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendRegistration(buffer[:0], &r, now)
	}
	b.ReportMetric(float64(len(buffer)), "B/record")
}
