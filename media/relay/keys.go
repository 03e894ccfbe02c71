package relay

import (
	"fmt"
	"time"

	"roost/media"
	"roost/media/srtp"
)

const (
	// formerFor is how long, in nanoseconds, packets under the key before may still
	// come: the far end learns later than we that its new one is in force.
	formerFor = int64(3 * time.Second)
	// keptKeys is how many keys of a side are kept with their indices in each direction:
	// an offer that was refused brings the ones before back.
	keptKeys = 4
)

// sideKeys is what a side was protected with, the last ones first; the contexts are
// the worker's.
type sideKeys struct {
	out []outKey
	in  []inKey
}

type outKey struct {
	key media.Key
	ctx *srtp.Protector
}

type inKey struct {
	key media.Key
	ctx *srtp.Unprotector
}

// rekey prepares what is new of a side's keys; what is not goes on with its indices,
// also where there was none, or another, for a while.
func (s *stream) rekey(which media.Side, c *media.SideConfig) (change, error) {
	var r change
	k := &s.keys[which]
	if c.Unprotect != nil {
		for _, known := range k.in {
			if same(c.Unprotect, &known.key) {
				r.unprotect = known.ctx
			}
		}
	}
	if c.Protect != nil {
		for _, known := range k.out {
			if same(c.Protect, &known.key) {
				r.protect = known.ctx
			}
		}
	}
	var err error
	freshIn := c.Unprotect != nil && r.unprotect == nil
	if freshIn {
		if r.unprotect, err = srtp.NewUnprotector(*c.Unprotect); err != nil {
			return r, fmt.Errorf("the far end's key: %w", err)
		}
	}
	if c.Protect != nil && c.Unprotect != nil && string(c.Unprotect.Master) == string(c.Protect.Master) {
		return r, fmt.Errorf("the far end sends with our own key: %w", ErrKeyReused)
	}
	if c.Protect != nil && r.protect == nil {
		if r.protect, err = srtp.NewProtector(*c.Protect); err != nil {
			return r, fmt.Errorf("our key: %w", err)
		}
		if err := s.relay.keys.use(c.Protect); err != nil {
			return r, err
		}
		k.out = keep(k.out, outKey{*c.Protect, r.protect})
	}
	if freshIn {
		k.in = keep(k.in, inKey{*c.Unprotect, r.unprotect})
	}
	return r, nil
}

// keep puts a key first and forgets the oldest.
func keep[K any](kept []K, k K) []K {
	return append([]K{k}, kept[:min(len(kept), keptKeys-1)]...)
}

func same(a, b *media.Key) bool {
	return a != nil && b != nil && a.Suite == b.Suite && string(a.Master) == string(b.Master) && string(a.MKI) == string(b.MKI) &&
		a.PlainRTCP == b.PlainRTCP && a.ClearRTP == b.ClearRTP && a.ClearRTCP == b.ClearRTCP
}
