package media

// suites are the names of RFC 4568 §6.2 and RFC 7714 §14.2, with the octets of
// master key and salt together.
var suites = map[Suite]struct {
	name   string
	octets int
}{
	AES128CM80: {"AES_CM_128_HMAC_SHA1_80", 30},
	AES128CM32: {"AES_CM_128_HMAC_SHA1_32", 30},
	AES128GCM:  {"AEAD_AES_128_GCM", 28},
	AES256GCM:  {"AEAD_AES_256_GCM", 44},
}

// ParseSuite finds a suite by its name in SDES; ok is false for one that we do
// not have, which is passed over and not refused.
func ParseSuite(name string) (suite Suite, ok bool) {
	for suite, s := range suites {
		if s.name == name {
			return suite, true
		}
	}
	return 0, false
}

// String gives the name in SDES; "" for none.
func (s Suite) String() string { return suites[s].name }

// KeyOctets is how long Key.Master is: master key and salt. 0 for no suite.
func (s Suite) KeyOctets() int { return suites[s].octets }
