package media

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"roost/media/sdp"
)

// keyOf makes the far end's key of a crypto attribute of a known suite. why says
// that it is in order, but asks for what we do not do, and so is not taken.
func keyOf(suite Suite, c sdp.Crypto) (key *Key, why string, err error) {
	for _, k := range c.Keys {
		if len(k.Master) != suite.KeyOctets() {
			return nil, "", fmt.Errorf("a=crypto:%d: key and salt have %d octets, %s has %d",
				c.Tag, len(k.Master), suite, suite.KeyOctets())
		}
	}
	if len(c.Keys) != 1 {
		return nil, "has several master keys, of which we carry one", nil
	}
	key = &Key{Suite: suite, Master: c.Keys[0].Master, MKI: c.Keys[0].MKI}
	for _, param := range c.Params {
		if why := key.param(param); why != "" {
			return nil, why, nil
		}
	}
	return key, "", nil
}

// param takes one session parameter (RFC 4568 §6.3), or says why it cannot.
func (k *Key) param(text string) (why string) {
	name, value, _ := strings.Cut(text, "=")
	switch name {
	case "UNENCRYPTED_SRTP":
		k.ClearRTP = true
	case "UNENCRYPTED_SRTCP":
		k.ClearRTCP = true
	case "UNAUTHENTICATED_SRTP":
		return "asks for SRTP without authentication, which anybody could forge"
	case "KDR":
		if n, err := strconv.ParseUint(value, 10, 8); err != nil || n != 0 {
			return "asks for a key derivation rate, which we do not have"
		}
	case "WSH":
		// A hint at the replay window; ours has at least RFC 3711's 64.
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n < 64 {
			return "has a window of less than 64"
		}
	case "FEC_ORDER":
		if value != "FEC_SRTP" {
			return "asks for another order of FEC and SRTP, which we do not do"
		}
	default:
		// FEC_KEY too: what is not understood rules the attribute out, unless it
		// is marked as optional (RFC 4568 §6.3.7).
		if !strings.HasPrefix(name, "-") {
			// The value may be a key: it is not shown.
			return "asks for " + name[:min(len(name), 40)] + ", which we do not do"
		}
	}
	return ""
}

// choose finds the way of an offer to take: the suite that we like best, and within
// it the party's order. UNENCRYPTED_SRTP is no protection: never taken where
// encrypted is offered, and not at all where SRTP must be.
func (s *Session) choose(v *view, must bool) (way, bool) {
	for _, clear := range []bool{false, true} {
		if clear && must {
			break
		}
		for _, suite := range s.suites() {
			for _, w := range v.ways {
				if w.suite == suite && w.key.ClearRTP == clear {
					return w, true
				}
			}
		}
	}
	return way{}, false
}

// suites are the configured ones, best first.
func (s *Session) suites() []Suite {
	if len(s.cfg.Suites) == 0 {
		return []Suite{AES128CM80}
	}
	return s.cfg.Suites
}

// newKey makes a key that was never used.
func (s *Session) newKey(suite Suite) (*Key, error) {
	master := make([]byte, suite.KeyOctets())
	if _, err := io.ReadFull(s.rand, master); err != nil {
		return nil, fmt.Errorf("%w: no random key could be made: %w", ErrSecurity, err)
	}
	return &Key{Suite: suite, Master: master}, nil
}

// answerKey is the key that we send with to a party whose way we take. The key of
// the stream as it stands goes on: its SRTP indices do too.
func (s *Session) answerKey(w way, standing *Key) (*Key, error) {
	if standing != nil && standing.Suite == w.suite &&
		standing.ClearRTP == w.key.ClearRTP && standing.ClearRTCP == w.key.ClearRTCP {
		return standing, nil
	}
	k, err := s.newKey(w.suite)
	if err != nil {
		return nil, err
	}
	k.ClearRTP, k.ClearRTCP = w.key.ClearRTP, w.key.ClearRTCP
	return k, nil
}

// offerKeys are the keys that a party is offered, tags from 1: one for each suite, or
// the one that stands, so that a later offer changes nothing. Where the party's own
// offer changes the suite all is new, also for a suite that was in use once: its
// indices are forgotten, and a key must never begin anew (RFC 3711 §9.1).
func (s *Session) offerKeys(standing *Key) ([]*Key, error) {
	if standing != nil {
		return []*Key{standing}, nil
	}
	var keys []*Key
	for _, suite := range s.suites() {
		k, err := s.newKey(suite)
		if err != nil {
			return nil, err
		}
		k.ClearRTCP = !s.cfg.SRTCP
		keys = append(keys, k)
	}
	return keys, nil
}

// name is the key's protection in call records.
func (k *Key) name() string {
	if k.ClearRTP {
		return k.Suite.String() + " UNENCRYPTED_SRTP"
	}
	return k.Suite.String()
}

// crypto writes a key of ours.
func (k *Key) crypto(tag int) sdp.Crypto {
	c := sdp.Crypto{Tag: tag, Suite: k.Suite.String(), Keys: []sdp.CryptoKey{{Master: k.Master}}}
	if k.ClearRTP {
		c.Params = append(c.Params, "UNENCRYPTED_SRTP")
	}
	if k.ClearRTCP {
		c.Params = append(c.Params, "UNENCRYPTED_SRTCP")
	}
	return c
}

// matched checks the crypto attribute of an answer against the ones that were
// offered (RFC 4568 §5.1.3), and gives the index of the one that was taken.
func matched(answered []way, why string, offered []sdp.Crypto) (int, error) {
	if len(answered) != 1 {
		if len(answered) == 0 && why != "" {
			return 0, fmt.Errorf("%w: of the answer, %s", ErrSecurity, why)
		}
		return 0, fmt.Errorf("%w: the answer has %d a=crypto that can be used, it must have one", ErrSecurity, len(answered))
	}
	c := answered[0].crypto
	i := slices.IndexFunc(offered, func(o sdp.Crypto) bool { return o.Tag == c.Tag && o.Suite == c.Suite })
	if i < 0 {
		return 0, fmt.Errorf("%w: the answer takes a=crypto:%d %.40s, which was not offered", ErrSecurity, c.Tag, c.Suite)
	}
	for _, o := range offered {
		for _, k := range o.Keys {
			if string(k.Master) == string(c.Keys[0].Master) {
				return 0, fmt.Errorf("%w: the answer repeats the offer's key", ErrSecurity)
			}
		}
	}
	return i, nil
}

// taken is our key of an offer, as the answer took it. Encryption of RTP must be as
// it was offered (RFC 4568 §6.3.2); of RTCP it is as the answer has it, since phones
// that cannot encrypt RTCP say so only here, but not under a key in use.
func taken(offered, answered, standing *Key) (*Key, error) {
	if answered.ClearRTP != offered.ClearRTP {
		return nil, fmt.Errorf("%w: the answer changes UNENCRYPTED_SRTP", ErrSecurity)
	}
	if answered.ClearRTCP == offered.ClearRTCP {
		return offered, nil
	}
	if offered == standing {
		return nil, fmt.Errorf("%w: the answer changes UNENCRYPTED_SRTCP under a key in use", ErrSecurity)
	}
	k := *offered
	k.ClearRTCP = answered.ClearRTCP
	return &k, nil
}
