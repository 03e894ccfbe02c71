package relay

import (
	"runtime"
	"testing"
	"unsafe"

	"roost/media"
	"roost/media/srtp"
)

// TestMemory_OfACall: heap of a standing call, without what the kernel holds. 5,000
// anchored calls may take 50 MB with all that is beside.
func TestMemory_OfACall(t *testing.T) {
	const calls = 200
	for _, c := range []struct {
		what string
		srtp bool
		most uint64
	}{{"RTP", false, 5_000}, {"SRTP on both sides", true, 14_000}} {
		r := newRelay(t, func(k *Config) { k.First, k.Last = 25200, 27999 })
		before := heap()
		streams := make([]media.Stream, calls)
		for i := range streams {
			streams[i] = open(t, r, media.OpenStream{})
			for side := range media.Side(2) {
				at := phoneB
				k := talk(at)
				if c.srtp {
					k.Unprotect, k.Protect = key(media.AES128CM80, byte(i)), key(media.AES128CM80, byte(i))
					k.Unprotect.Master[0], k.Protect.Master[0] = 1+byte(side), 3+byte(side)
				}
				mustSet(t, streams[i], side, k)
			}
		}
		each := (heap() - before) / calls
		t.Logf("%s: %d octets a call; a stream is %d, a side %d, a Protector %d", c.what, each,
			unsafe.Sizeof(stream{}), unsafe.Sizeof(side{}), unsafe.Sizeof(srtp.Protector{}))
		if each > c.most {
			t.Errorf("%s: %d octets a call, at most %d", c.what, each, c.most)
		}
		runtime.KeepAlive(streams)
		r.Close()
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
