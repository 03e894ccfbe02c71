package sdp

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
)

// MaxKeys bounds the master keys of one a=crypto.
const MaxKeys = 8

// Crypto is an a=crypto attribute (RFC 4568).
type Crypto struct {
	// Tag is 1 to 999999999; an answer repeats it.
	Tag int
	// Suite by its name.
	Suite string
	Keys  []CryptoKey
	// Params are the session parameters: "UNENCRYPTED_SRTCP", "WSH=64".
	Params []string
}

// CryptoKey is one master key with its salt.
type CryptoKey struct {
	Master []byte
	// Lifetime is in packets, 1 to 2^48; 0 where it is not given.
	Lifetime uint64
	// MKI as it stands in the packets, 1 to 128 octets; nil where there is none.
	MKI []byte
}

// maxLifetime is the largest number of SRTP packets under one key (RFC 3711 §9.2).
const maxLifetime = 1 << 48

// ParseCrypto reads the value of a=crypto. It does not judge the key's length, which
// is the suite's. On an error Tag and Suite are set where they could be read: a suite
// that nobody knows may have keys that nobody can read.
func ParseCrypto(value string) (Crypto, error) {
	var c Crypto
	f := strings.Fields(value)
	if len(f) < 3 {
		return c, malformed("a=crypto has not a tag, a suite and a key")
	}
	tag, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil || tag == 0 || tag > 999999999 {
		return c, malformed("a=crypto: tag %q is not 1 to 999999999", clip(f[0]))
	}
	c.Tag, c.Suite, c.Params = int(tag), f[1], f[3:]
	for param := range strings.SplitSeq(f[2], ";") {
		if len(c.Keys) == MaxKeys {
			return c, malformed("a=crypto:%d has more than %d keys", c.Tag, MaxKeys)
		}
		key, err := parseKey(c.Tag, param)
		if err != nil {
			return c, err
		}
		c.Keys = append(c.Keys, key)
	}
	return c, c.checkMKI()
}

// parseKey reads "inline:KEY|2^20|1:4"; what it says never shows the key.
func parseKey(tag int, param string) (CryptoKey, error) {
	var k CryptoKey
	method, info, _ := strings.Cut(param, ":")
	if !strings.EqualFold(method, "inline") {
		return k, malformed("a=crypto:%d: the key method is not inline", tag)
	}
	parts := strings.Split(info, "|")
	if len(parts) > 3 {
		return k, malformed("a=crypto:%d: more after the key than a lifetime and an MKI", tag)
	}
	var err error
	// RFC 4568 §9.1 has padding, which some leave out.
	k.Master, err = base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil || len(k.Master) == 0 {
		return k, malformed("a=crypto:%d: the key is not base64", tag)
	}
	for i, part := range parts[1:] {
		value, length, isMKI := strings.Cut(part, ":")
		switch {
		case isMKI && k.MKI == nil:
			k.MKI, err = parseMKI(tag, value, length)
		case !isMKI && i == 0:
			k.Lifetime, err = parseLifetime(tag, part)
		default:
			err = malformed("a=crypto:%d: after the key comes neither lifetime nor MKI", tag)
		}
		if err != nil {
			return k, err
		}
	}
	return k, nil
}

func parseLifetime(tag int, text string) (uint64, error) {
	var n uint64
	var err error
	if power, ok := strings.CutPrefix(text, "2^"); ok {
		n, err = strconv.ParseUint(power, 10, 8)
		if n > 48 {
			n = 48 + 1
		}
		n = 1 << n
	} else {
		n, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil || n == 0 || n > maxLifetime {
		return 0, malformed("a=crypto:%d: the lifetime is not 1 to 2^48", tag)
	}
	return n, nil
}

func parseMKI(tag int, value, length string) ([]byte, error) {
	octets, err := strconv.ParseUint(length, 10, 8)
	if err != nil || octets == 0 || octets > 128 {
		return nil, malformed("a=crypto:%d: the MKI's length is not 1 to 128", tag)
	}
	n, ok := new(big.Int), len(value) <= 310
	for i := range len(value) {
		ok = ok && '0' <= value[i] && value[i] <= '9'
	}
	if ok {
		n, ok = n.SetString(value, 10)
	}
	if !ok || n.BitLen() > int(octets)*8 {
		return nil, malformed("a=crypto:%d: the MKI is no number of %d octets", tag, octets)
	}
	return n.FillBytes(make([]byte, octets)), nil
}

// checkMKI: several keys need MKIs, all different and of one length (RFC 4568 §6.1).
func (c Crypto) checkMKI() error {
	for i, k := range c.Keys {
		if len(c.Keys) > 1 && k.MKI == nil {
			return malformed("a=crypto:%d: several keys, but key %d has no MKI", c.Tag, i+1)
		}
		for _, other := range c.Keys[:i] {
			if len(other.MKI) != len(k.MKI) || string(other.MKI) == string(k.MKI) {
				return malformed("a=crypto:%d: the MKIs of several keys must differ and have one length", c.Tag)
			}
		}
	}
	return nil
}

// String writes the value of a=crypto.
func (c Crypto) String() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(c.Tag) + " " + c.Suite)
	for i, k := range c.Keys {
		b.WriteByte(" ;"[min(i, 1)])
		b.WriteString("inline:" + base64.StdEncoding.EncodeToString(k.Master))
		if k.Lifetime != 0 {
			b.WriteString("|" + strconv.FormatUint(k.Lifetime, 10))
		}
		if k.MKI != nil {
			b.WriteString("|" + new(big.Int).SetBytes(k.MKI).String() + ":" + strconv.Itoa(len(k.MKI)))
		}
	}
	for _, p := range c.Params {
		b.WriteString(" " + p)
	}
	return b.String()
}
