package load

import (
	"net/netip"
	"strconv"
	"time"
)

// phone is one registration that is made again and again.
type phone struct {
	index  uint32
	number []byte
	ha1    []byte
	nonce  []byte // of the last challenge; empty: none yet
	nc     uint32
	cseq   uint32

	busy    bool // a request is outstanding
	asked   bool // it carried credentials
	renewed bool // its nonce was out of date once already
	began   int64
	sent    int64
}

// script makes the messages of all phones. It is not changed once made.
type script struct {
	digest  digester
	realm   []byte
	domain  []byte
	uri     []byte // of a REGISTER
	tail    []byte // from Expires to User-Agent
	session []byte // makes Call-IDs differ from another run's
}

func newScript(c *Config, now time.Time) *script {
	return &script{
		digest: newDigester(c), realm: []byte(c.Realm), domain: []byte(c.Domain), uri: []byte("sip:" + c.Domain),
		tail:    []byte("Expires: " + strconv.Itoa(c.Lease) + "\r\nUser-Agent: roost load\r\n"),
		session: strconv.AppendInt(nil, now.UnixNano(), 36),
	}
}

func (s *script) phones(c *Config) []phone {
	all := make([]phone, c.Users)
	for i := range all {
		number := strconv.Itoa(c.First + i)
		all[i] = phone{
			index: uint32(i), number: []byte(number),
			ha1: s.digest.ha1(number, c.Realm, c.password(number)),
		}
	}
	return all
}

// place is where a worker's phones are: what their Via and Contact say.
type place struct{ via, contact []byte }

func placeOf(transport string, local netip.AddrPort) place {
	p := place{contact: []byte("@" + local.String())}
	switch transport {
	case "tcp":
		p.via = []byte("TCP ")
		p.contact = append(p.contact, ";transport=tcp"...)
	case "tls":
		p.via = []byte("TLS ")
		p.contact = append(p.contact, ";transport=tls"...)
	default:
		p.via = []byte("UDP ")
	}
	p.via = append(append(p.via, local.String()...), ";rport;branch="...)
	return p
}

func appendBranch(b []byte, p *phone) []byte {
	b = appendHex8(append(b, "z9hG4bK"...), p.index)
	return appendHex8(append(b, '-'), p.cseq)
}

func (s *script) appendCallID(b []byte, p *phone) []byte {
	return append(appendHex8(b, p.index), s.session...)
}

func appendContact(b []byte, p *phone, at *place) []byte {
	return append(append(append(b, "sip:"...), p.number...), at.contact...)
}

// appendRequest appends the phone's request: of the same state the same bytes, so
// that a retransmission needs no copy.
func (s *script) appendRequest(b []byte, p *phone, at *place) []byte {
	b = append(append(b, "REGISTER sip:"...), s.domain...)
	b = append(append(b, " SIP/2.0\r\nVia: SIP/2.0/"...), at.via...)
	b = appendBranch(b, p)
	b = append(append(b, "\r\nMax-Forwards: 70\r\nFrom: <sip:"...), p.number...)
	b = append(append(b, '@'), s.domain...)
	b = appendHex8(append(b, ">;tag="...), p.index)
	b = append(append(b, "\r\nTo: <sip:"...), p.number...)
	b = append(append(b, '@'), s.domain...)
	b = s.appendCallID(append(b, ">\r\nCall-ID: "...), p)
	b = strconv.AppendUint(append(b, "\r\nCSeq: "...), uint64(p.cseq), 10)
	b = appendContact(append(b, " REGISTER\r\nContact: <"...), p, at)
	b = append(append(b, ">\r\n"...), s.tail...)
	if p.asked {
		b = s.appendAuthorization(b, p)
	}
	return append(b, "Content-Length: 0\r\n\r\n"...)
}

func (s *script) appendAuthorization(b []byte, p *phone) []byte {
	return s.appendCredentials(b, p, s.uri, s.digest.ha2)
}

// appendCredentials is the Authorization of a request to a URI, whose HA2 is ha2.
func (s *script) appendCredentials(b []byte, p *phone, uri, ha2 []byte) []byte {
	cnonce := appendHex8(make([]byte, 0, 8), p.index^0x5a5a5a5a)
	b = append(append(b, `Authorization: Digest username="`...), p.number...)
	b = append(append(b, `", realm="`...), s.realm...)
	b = append(append(b, `", nonce="`...), p.nonce...)
	b = append(append(b, `", uri="`...), uri...)
	b = s.digest.appendResponse(append(b, `", response="`...), p.ha1, ha2, p.nonce, p.nc, cnonce)
	b = append(append(b, `", algorithm=`...), s.digest.name...)
	b = append(append(b, `, cnonce="`...), cnonce...)
	b = appendHex8(append(b, `", qop=auth, nc=`...), p.nc)
	return append(b, "\r\n"...)
}

// begin starts a registration; with keep the nonce of the last one is used again.
func (p *phone) begin(keep bool, now int64) {
	p.busy, p.renewed, p.began, p.sent = true, false, now, now
	p.cseq++
	if p.asked = keep && len(p.nonce) > 0; p.asked {
		p.nc++
	}
}

// answerChallenge goes on with the nonce of a challenge.
func (p *phone) answerChallenge(nonce []byte, now int64) {
	p.nonce = append(p.nonce[:0], nonce...)
	p.asked, p.nc, p.sent = true, 1, now
	p.cseq++
}
