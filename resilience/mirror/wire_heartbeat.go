package mirror

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// Bounds of what a heartbeat may list, whatever the configuration.
const (
	maxBeatSets    = 1024
	maxBeatHeard   = 1024
	maxBeatEntries = 256 // in each of Wants and Compared
	maxBeatText    = 256 // bytes of a key or a value there
	maxBackWithin  = 15 * time.Minute
)

func appendHeartbeat(dst []byte, h *Heartbeat) []byte {
	dst, body := beginFrame(appendHeader(dst), frameHeartbeat)
	dst = binary.BigEndian.AppendUint64(dst, h.Epoch)
	dst = appendMillis(dst, h.UpFor)
	dst = appendMillis(dst, time.Duration(h.Clock.UnixMilli())*time.Millisecond)
	dst = append(dst, flag(h.Ready))
	dst = binary.AppendUvarint(dst, uint64(h.Protocol))
	dst = appendMillis(dst, h.BackWithin)
	dst = binary.AppendUvarint(dst, uint64(len(h.Sets)))
	var element []byte
	for i := range h.Sets {
		s := &h.Sets[i]
		element = appendBytes(element[:0], s.Set)
		element = binary.AppendUvarint(element, s.Version)
		element = binary.AppendUvarint(element, uint64(s.Count))
		element = binary.BigEndian.AppendUint64(element, s.Digest)
		dst = appendBytes(dst, element)
	}
	dst = binary.AppendUvarint(dst, uint64(len(h.Heard)))
	for i := range h.Heard {
		r := &h.Heard[i]
		element = appendBytes(element[:0], r.System)
		element = binary.BigEndian.AppendUint64(element, r.Epoch)
		element = appendMillis(element, r.UpFor)
		element = appendMillis(element, r.Age)
		dst = appendBytes(dst, element)
	}
	dst = appendTexts(dst, h.Wants)
	dst = appendTexts(dst, h.Compared)
	return endFrame(dst, body)
}

func appendTexts(dst []byte, m map[string]string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		dst = appendBytes(dst, k)
		dst = appendBytes(dst, m[k])
	}
	return dst
}

func readHeartbeat(body []byte, system string) (*Heartbeat, error) {
	f := field{b: body}
	h := &Heartbeat{System: system, Epoch: f.fixed(), UpFor: f.millis()}
	h.Clock = time.UnixMilli(f.millis().Milliseconds())
	h.Ready = f.byte() != 0
	h.Protocol = uint16(min(f.uvarint(), 0xffff))
	h.BackWithin = min(f.millis(), maxBackWithin)
	h.Sets = make([]SetState, f.count(maxBeatSets))
	for i := range h.Sets {
		e := field{b: f.bytes(len(body))}
		h.Sets[i] = SetState{Set: string(e.bytes(2*MaxName + 1)), Version: e.uvarint()}
		h.Sets[i].Count = uint32(e.uvarint())
		h.Sets[i].Digest = e.fixed()
		if e.bad || CheckSet(h.Sets[i].Set) != nil {
			f.fail()
			break
		}
	}
	h.Heard = make([]Hearing, f.count(maxBeatHeard))
	for i := range h.Heard {
		e := field{b: f.bytes(len(body))}
		h.Heard[i] = Hearing{System: string(e.bytes(MaxName)), Epoch: e.fixed(), UpFor: e.millis(), Age: e.millis()}
		if e.bad || CheckName(h.Heard[i].System) != nil {
			f.fail()
			break
		}
	}
	h.Wants = f.texts()
	h.Compared = f.texts()
	if h.Epoch == 0 {
		f.fail()
	}
	if err := f.err("heartbeat"); err != nil {
		return nil, err
	}
	return h, nil
}

func (f *field) texts() map[string]string {
	n := f.count(maxBeatEntries)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		k := string(f.bytes(maxBeatText))
		m[k] = string(f.bytes(maxBeatText))
	}
	return m
}
