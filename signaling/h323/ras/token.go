package ras

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash/maphash"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// The object identifiers of H.235.1 (baseline profile) and of the MD5 token.
var (
	oidHMAC     = per.MustOID("0.0.8.235.0.2.6") // "U": HMAC-SHA1-96
	oidBaseline = per.MustOID("0.0.8.235.0.2.1") // "A": over the whole message
	oidClear    = per.MustOID("0.0.8.235.0.2.5") // "T": the ClearToken in it
	oidMD5      = per.MustOID("1.2.840.113549.2.5")
	oidPassword = per.MustOID("0.0")
)

// Secret is what a number's tokens are checked against.
type Secret struct {
	Password string
	// Used is the newest token that it is known to have used, here or at its home: what
	// is older is a replay.
	Used Used
}

// Used names a token: its time and its random number (H.235.1) or, for an MD5 token,
// which has none, its source.
type Used struct {
	Time uint32 // seconds since 1970
	Mark uint32
}

// proofs are the last tokens that proved a number. A token that is older than what was
// forgotten is a replay too, so a clock that is put back by more than they span is
// refused until it has caught up.
type proofs struct {
	last  [16]Used
	next  uint8
	floor uint32 // nothing older is taken
}

// fresh takes a token, and reports whether it was not used before.
func (p *proofs) fresh(u Used, repeatable bool) bool {
	if u.Time < p.floor {
		return false
	}
	for _, old := range p.last {
		if old.Time != u.Time {
			continue
		}
		if old == u {
			return repeatable
		}
		if repeatable { // the same MD5 token from another source
			return false
		}
	}
	forgotten := &p.last[p.next]
	p.floor = max(p.floor, forgotten.Time)
	*forgotten = u
	p.next = (p.next + 1) % uint8(len(p.last))
	return true
}

// signer signs what we send to an endpoint that uses H.235.1.
type signer struct {
	ok  bool
	key [sha1.Size]byte
	to  string // generalID
}

// claim is who a request says that it is of.
type claim struct {
	number  registrar.Number
	id      string // endpointIdentifier
	aliases []Alias
}

func (c *claim) has(name string) bool {
	if name == string(c.number) || name == c.id && name != "" {
		return true
	}
	for _, a := range c.aliases {
		if a.Text == name {
			return true
		}
	}
	return false
}

// prove checks the tokens of a request. ok: one of them is right. None at all is for
// the caller to judge: then it is Unproven and ok.
func (g *Gatekeeper) prove(r *request, tokens []h225.CryptoH323Token, c claim) (by Security, used Used, ok bool) {
	if len(tokens) == 0 {
		return Unproven, Used{}, true
	}
	secret, known := g.office.Secret(c.number)
	known = known && secret.Password != ""
	for i := range tokens {
		t := &tokens[i]
		switch {
		case t.Choice == h225.CryptoH323TokenCryptoEPPwdHash && t.CryptoEPPwdHash != nil:
			by, used = MD5, Used{t.CryptoEPPwdHash.TimeStamp, g.markOf(r)}
			ok = md5Right(t.CryptoEPPwdHash, &secret)
			if alias, read := readAlias(&t.CryptoEPPwdHash.Alias); !read || !c.has(alias.Text) {
				g.count.TokenNotOurs++
				return by, used, false
			}
		case hashed(t) != nil:
			token := hashed(t)
			by, used = HMAC, Used{token.HashedVals.TimeStamp.V, uint32(token.HashedVals.Random.V)}
			ok = hmacRight(token, r.packet, &secret)
			if !g.between(&token.HashedVals, &c) {
				g.count.TokenNotOurs++
				return by, used, false
			}
		default:
			continue
		}
		if !known || !ok {
			g.count.TokenWrong++
			return by, used, false
		}
		return by, used, g.timely(r, by, used, &c, &secret)
	}
	g.count.TokenMissing++ // there are some, but none that we can check
	return Unproven, Used{}, false
}

// timely checks the time of a right token, and that it was not used before.
func (g *Gatekeeper) timely(r *request, by Security, used Used, c *claim, secret *Secret) bool {
	off := r.now.Sub(time.Unix(int64(used.Time), 0))
	if off > g.config.Window || off < -g.config.Window {
		g.count.TokenTime++
		return false
	}
	p := g.proofs[c.number]
	if p == nil {
		p = &proofs{}
		g.proofs[c.number] = p
	}
	// What its home has seen of it last was not seen here: the same token again is a replay.
	if used.Time < secret.Used.Time || by == HMAC && used == secret.Used {
		g.count.TokenReplayed++
		return false
	}
	if !p.fresh(used, by == MD5) {
		g.count.TokenReplayed++
		return false
	}
	if by == HMAC {
		r.signed = signer{ok: true, key: keyOf(secret.Password), to: string(c.number)}
		if c.id != "" {
			r.signed.to = c.id
		}
	}
	return true
}

// between says whether an H.235.1 token is from who it should be, to us.
func (g *Gatekeeper) between(t *h225.ClearToken, c *claim) bool {
	if len(t.GeneralID) > 0 {
		found := false
		for _, id := range g.ids {
			found = found || bytes.Equal(id, t.GeneralID)
		}
		if !found {
			return false
		}
	}
	return len(t.SendersID) == 0 || c.has(text(t.SendersID, maxIdentifier))
}

func (g *Gatekeeper) markOf(r *request) uint32 {
	return uint32(maphash.Comparable(g.answers.seed, r.from.Addr.Addr()))
}

// hashed is the H.235.1 token in a CryptoH323Token, nil if it is none.
func hashed(t *h225.CryptoH323Token) *h225.CryptoTokenCryptoHashedTokenValue {
	h := t.NestedcryptoToken.CryptoHashedToken
	if t.Choice != h225.CryptoH323TokenNestedcryptoToken || h == nil ||
		!h.TokenOID.Equal(oidBaseline) || !h.Token.AlgorithmOID.Equal(oidHMAC) ||
		h.Token.Hash.Len != 96 || !h.HashedVals.TimeStamp.OK || !h.HashedVals.Random.OK {
		return nil
	}
	return h
}

// md5Right checks cryptoEPPwdHash: MD5 of the PER of a ClearToken with password and
// alias, each with a trailing U+0000 as all implementations have it.
func md5Right(t *h225.CryptoH323TokenCryptoEPPwdHashValue, s *Secret) bool {
	alias, ok := readAlias(&t.Alias)
	if !ok || t.Token.Hash.Len != 128 || !t.Token.AlgorithmOID.Equal(oidMD5) {
		return false
	}
	clear := h225.ClearToken{
		TokenOID: oidPassword, TimeStamp: per.Some(t.TimeStamp),
		Password: bmp(s.Password + "\x00"), GeneralID: bmp(alias.Text + "\x00"),
	}
	data, err := clear.Append(nil)
	sum := md5.Sum(data)
	return err == nil && subtle.ConstantTimeCompare(sum[:], t.Token.Hash.Octets) == 1
}

// hmacRight checks an H.235.1 token: HMAC-SHA1-96 over the message as it came, with the
// hash zeroed, which lies in the packet itself.
func hmacRight(t *h225.CryptoTokenCryptoHashedTokenValue, packet []byte, s *Secret) bool {
	var was [12]byte
	copy(was[:], t.Token.Hash.Octets)
	clear(t.Token.Hash.Octets)
	sum := hmacOf(packet, keyOf(s.Password))
	copy(t.Token.Hash.Octets, was[:])
	return subtle.ConstantTimeCompare(sum[:12], was[:]) == 1
}

// keyOf is the key of a password (H.235.1 7).
func keyOf(password string) [sha1.Size]byte { return sha1.Sum([]byte(password)) }

func hmacOf(packet []byte, key [sha1.Size]byte) (sum [sha1.Size]byte) {
	h := hmac.New(sha1.New, key[:])
	h.Write(packet)
	h.Sum(sum[:0])
	return sum
}

// sign puts a token into a message that has a place for it; its hash is a mark that seal finds in the octets.
func (g *Gatekeeper) sign(m *h225.RasMessage, by signer, now time.Time) (mark [12]byte) {
	binary.BigEndian.PutUint64(mark[:], g.config.Random())
	binary.BigEndian.PutUint32(mark[8:], uint32(g.config.Random()))
	token := h225.CryptoH323Token{Choice: h225.CryptoH323TokenNestedcryptoToken}
	token.NestedcryptoToken = h225.CryptoToken{
		Choice: h225.CryptoTokenCryptoHashedToken,
		CryptoHashedToken: &h225.CryptoTokenCryptoHashedTokenValue{
			TokenOID: oidBaseline,
			HashedVals: h225.ClearToken{
				TokenOID: oidClear, TimeStamp: per.Some(uint32(now.Unix())),
				Random: per.Some(int64(g.config.Random() >> 33)), GeneralID: bmp(by.to), SendersID: g.ids[0],
			},
			Token: h225.Hashed{AlgorithmOID: oidHMAC, Hash: per.BitString{Octets: mark[:], Len: 96}},
		},
	}
	at := tokensIn(m)
	*at = append(*at, token)
	return mark
}

// seal replaces the mark in an encoded message by the hash over it with zeroes there.
func seal(packet []byte, mark [12]byte, key [sha1.Size]byte) bool {
	at := bytes.Index(packet, mark[:])
	if at < 0 || bytes.Contains(packet[at+1:], mark[:]) {
		return false
	}
	clear(packet[at : at+12])
	sum := hmacOf(packet, key)
	copy(packet[at:], sum[:12])
	return true
}

// tokensIn is where the tokens of a message that we send stand; nil if it has none.
func tokensIn(m *h225.RasMessage) *[]h225.CryptoH323Token {
	switch m.Choice {
	case h225.RasMessageRegistrationConfirm:
		return &m.RegistrationConfirm.CryptoTokens
	case h225.RasMessageRegistrationReject:
		return &m.RegistrationReject.CryptoTokens
	case h225.RasMessageUnregistrationRequest:
		return &m.UnregistrationRequest.CryptoTokens
	case h225.RasMessageUnregistrationConfirm:
		return &m.UnregistrationConfirm.CryptoTokens
	case h225.RasMessageUnregistrationReject:
		return &m.UnregistrationReject.CryptoTokens
	case h225.RasMessageAdmissionConfirm:
		return &m.AdmissionConfirm.CryptoTokens
	case h225.RasMessageAdmissionReject:
		return &m.AdmissionReject.CryptoTokens
	case h225.RasMessageBandwidthConfirm:
		return &m.BandwidthConfirm.CryptoTokens
	case h225.RasMessageBandwidthReject:
		return &m.BandwidthReject.CryptoTokens
	case h225.RasMessageDisengageRequest:
		return &m.DisengageRequest.CryptoTokens
	case h225.RasMessageDisengageConfirm:
		return &m.DisengageConfirm.CryptoTokens
	case h225.RasMessageDisengageReject:
		return &m.DisengageReject.CryptoTokens
	case h225.RasMessageInfoRequest:
		return &m.InfoRequest.CryptoTokens
	case h225.RasMessageInfoRequestAck:
		return &m.InfoRequestAck.CryptoTokens
	case h225.RasMessageInfoRequestNak:
		return &m.InfoRequestNak.CryptoTokens
	case h225.RasMessageResourcesAvailableConfirm:
		return &m.ResourcesAvailableConfirm.CryptoTokens
	case h225.RasMessageServiceControlResponse:
		return &m.ServiceControlResponse.CryptoTokens
	}
	return nil
}
