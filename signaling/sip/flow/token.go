package flow

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A flow token is the ID and 80 bits of its HMAC, 24 letters of URL-safe base64
// (RFC 5626 §5.2: neither to be read nor to be made by others).
const (
	tokenMAC   = 10
	tokenBytes = 8 + tokenMAC
	tokenText  = 24
)

// Token gives an RFC 5626 §5.2 flow token for id: 24 letters that can stand in the
// user part of a Path URI and cannot be forged.
func (t *Table) Token(id ID) string {
	return base64.RawURLEncoding.EncodeToString(t.sign(id))
}

// FromToken gives the ID of a token, or ErrToken. The flow itself may be gone.
func (t *Table) FromToken(token string) (ID, error) {
	if len(token) != tokenText {
		return 0, ErrToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return 0, ErrToken
	}
	id := ID(binary.BigEndian.Uint64(raw))
	if !hmac.Equal(raw, t.sign(id)) {
		return 0, ErrToken
	}
	return id, nil
}

func (t *Table) sign(id ID) []byte {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, 8+sha256.Size), uint64(id))
	mac := hmac.New(sha256.New, t.key[:])
	_, _ = mac.Write(raw) // never fails
	return mac.Sum(raw)[:tokenBytes]
}
