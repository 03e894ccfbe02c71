package media

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// paperRelay is a Relay that carries nothing, and keeps a log of what it was told.
type paperRelay struct {
	log  strings.Builder
	next uint16
	// room is how many streams there are ports for.
	room   int
	opened []*paperStream
	refuse error // what Set says
}

type paperStream struct {
	r      *paperRelay
	name   string
	open   OpenStream
	port   uint16
	closed bool
	sides  [2]SideConfig
	set    [2]bool
}

func newPaperRelay() *paperRelay { return &paperRelay{next: 20000, room: 1 << 20} }

func (r *paperRelay) Open(o OpenStream) (Stream, error) {
	if len(r.opened) >= r.room {
		return nil, fmt.Errorf("%w: the range is used up", ErrNoPorts)
	}
	st := &paperStream{r: r, name: fmt.Sprintf("stream %d", len(r.opened)+1), open: o, port: r.next}
	r.next += 4
	r.opened = append(r.opened, st)
	what := "rtp"
	if o.Raw {
		what = "raw"
	}
	fmt.Fprintf(&r.log, "%s: open %s a=%s b=%s\n", st.name, what, st.local(A), st.local(B))
	return st, nil
}

func (st *paperStream) local(side Side) netip.AddrPort {
	addr := netip.MustParseAddr("198.51.100.1")
	if st.open.IPv6[side] {
		addr = netip.MustParseAddr("2001:db8::1")
	}
	return netip.AddrPortFrom(addr, st.port+2*uint16(side))
}

func (st *paperStream) Local(side Side) (rtp, rtcp netip.AddrPort) {
	rtp = st.local(side)
	return rtp, netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
}

func (st *paperStream) Set(side Side, c SideConfig) error {
	if st.r.refuse != nil {
		return st.r.refuse
	}
	if st.closed {
		panic("Set after Close")
	}
	if text := say(c); !st.set[side] || text != say(st.sides[side]) {
		fmt.Fprintf(&st.r.log, "%s: %s %s\n", st.name, side, text)
	}
	st.sides[side], st.set[side] = c, true
	return nil
}

func (st *paperStream) Stats() StreamStats { return StreamStats{} }

func (st *paperStream) Close() StreamStats {
	if st.closed {
		panic("closed twice")
	}
	st.closed = true
	fmt.Fprintf(&st.r.log, "%s: close\n", st.name)
	return StreamStats{}
}

// say tells a SideConfig in a line. Keys are shown by their first octets.
func say(c SideConfig) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rtp=%s rtcp=%s", c.RTP, c.RTCP)
	for _, f := range []struct {
		name string
		is   bool
	}{{"mux", c.Mux}, {"latch", c.Latch}, {"send", c.Send}, {"receive", c.Receive}} {
		if f.is {
			b.WriteString(" " + f.name)
		}
	}
	sayKey(&b, "protect", c.Protect)
	sayKey(&b, "unprotect", c.Unprotect)
	if c.From.IsValid() && c.From != c.RTP.Addr() {
		fmt.Fprintf(&b, " from=%s", c.From)
	}
	if c.DTLS != nil {
		fmt.Fprintf(&b, " dtls(client=%v %x…)", c.DTLS.Client, c.DTLS.Fingerprint[:4])
	}
	if c.ICE != nil {
		fmt.Fprintf(&b, " ice(%s %s)", c.ICE.LocalUfrag, c.ICE.RemoteUfrag)
	}
	if len(c.Payloads) > 0 {
		fmt.Fprintf(&b, " payloads=%v", c.Payloads)
		for i, hz := range c.Clocks {
			if hz != 8000 {
				fmt.Fprintf(&b, " %d@%d", c.Payloads[i], hz)
			}
		}
	}
	return b.String()
}

func sayKey(b *strings.Builder, name string, k *Key) {
	if k == nil {
		return
	}
	fmt.Fprintf(b, " %s(%s %s…", name, k.Suite, hex.EncodeToString(k.Master[:4]))
	if len(k.MKI) > 0 {
		fmt.Fprintf(b, " mki=%x", k.MKI)
	}
	for _, f := range []struct {
		name string
		is   bool
	}{{"clear-rtp", k.ClearRTP}, {"clear-rtcp", k.ClearRTCP}, {"plain-rtcp", k.PlainRTCP}} {
		if f.is {
			b.WriteString(" " + f.name)
		}
	}
	b.WriteString(")")
}

// seeded is a source of random octets that is the same in each run.
func seeded(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n}) }
