package mirror

import (
	"encoding/binary"
	"time"
)

// delta is every change with a version in (from, to].
type delta struct {
	epoch    uint64
	up       time.Duration // of the writer when it was written
	from, to uint64
	latest   bool // to was the newest version, and count and digest are those of the set then
	count    uint32
	digest   uint64
	records  recordReader
}

func appendDeltaHead(dst []byte, d *delta) []byte {
	dst = binary.BigEndian.AppendUint64(dst, d.epoch)
	dst = appendMillis(dst, d.up)
	dst = binary.AppendUvarint(dst, d.from)
	dst = binary.AppendUvarint(dst, d.to)
	if !d.latest {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	dst = binary.AppendUvarint(dst, uint64(d.count))
	return binary.BigEndian.AppendUint64(dst, d.digest)
}

func readDelta(body []byte, l *Limits) (delta, error) {
	f := field{b: body}
	d := delta{epoch: f.fixed(), up: f.millis(), from: f.uvarint(), to: f.uvarint(), latest: f.byte() != 0}
	if d.latest {
		d.count = uint32(f.uvarint())
		d.digest = f.fixed()
	}
	if d.from >= d.to {
		f.fail()
	}
	d.records = recordReader{f: field{b: f.block()}, limits: l}
	if err := f.err("delta"); err != nil {
		return delta{}, err
	}
	return d, d.records.check("delta")
}

// since asks for what lies above version in an epoch. With building it goes on
// with a snapshot that began at base.
type since struct {
	id       uint64
	epoch    uint64 // 0: I have nothing
	version  uint64
	base     uint64
	building bool
	window   uint64 // bytes of answer that the reader takes at once
}

func appendSince(dst []byte, s since) []byte {
	dst, body := beginFrame(appendHeader(dst), frameSince)
	dst = binary.BigEndian.AppendUint64(dst, s.id)
	dst = binary.BigEndian.AppendUint64(dst, s.epoch)
	dst = binary.AppendUvarint(dst, s.version)
	dst = binary.AppendUvarint(dst, s.base)
	dst = append(dst, flag(s.building))
	dst = binary.AppendUvarint(dst, s.window)
	return endFrame(dst, body)
}

func readSince(body []byte) (since, error) {
	f := field{b: body}
	s := since{
		id: f.fixed(), epoch: f.fixed(), version: f.uvarint(), base: f.uvarint(),
		building: f.byte() != 0, window: f.uvarint(),
	}
	return s, f.err("since")
}

// welcome opens an answer: what follows lies above from, either in the epoch
// that was asked for, or for a snapshot that began at base.
type welcome struct {
	id       uint64
	epoch    uint64
	snapshot bool
	from     uint64
	base     uint64
}

func appendWelcome(dst []byte, w welcome) []byte {
	dst, body := beginFrame(dst, frameWelcome)
	dst = binary.BigEndian.AppendUint64(dst, w.id)
	dst = binary.BigEndian.AppendUint64(dst, w.epoch)
	dst = append(dst, flag(w.snapshot))
	dst = binary.AppendUvarint(dst, w.from)
	dst = binary.AppendUvarint(dst, w.base)
	return endFrame(dst, body)
}

func readWelcome(body []byte) (welcome, error) {
	f := field{b: body}
	w := welcome{id: f.fixed(), epoch: f.fixed(), snapshot: f.byte() != 0, from: f.uvarint(), base: f.uvarint()}
	if w.epoch == 0 {
		f.fail()
	}
	return w, f.err("welcome")
}

// batch is a run of an answer's records; seq counts 0, 1, 2 … within the answer.
type batch struct {
	id      uint64
	seq     uint64
	up      time.Duration
	records recordReader
}

func appendBatchHead(dst []byte, b *batch) []byte {
	dst = binary.BigEndian.AppendUint64(dst, b.id)
	dst = binary.AppendUvarint(dst, b.seq)
	return appendMillis(dst, b.up)
}

func readBatch(body []byte, l *Limits) (batch, error) {
	f := field{b: body}
	b := batch{id: f.fixed(), seq: f.uvarint(), up: f.millis()}
	b.records = recordReader{f: field{b: f.block()}, limits: l}
	if err := f.err("batch"); err != nil {
		return batch{}, err
	}
	return b, b.records.check("batch")
}

// end closes an answer: after its batches the reader has all up to version. With
// more it must ask on; else version is the newest, and count and digest are the set's.
type end struct {
	id      uint64
	batches uint64
	version uint64
	more    bool
	count   uint32
	digest  uint64
}

func appendEnd(dst []byte, e end) []byte {
	dst, body := beginFrame(dst, frameEnd)
	dst = binary.BigEndian.AppendUint64(dst, e.id)
	dst = binary.AppendUvarint(dst, e.batches)
	dst = binary.AppendUvarint(dst, e.version)
	dst = append(dst, flag(e.more))
	dst = binary.AppendUvarint(dst, uint64(e.count))
	dst = binary.BigEndian.AppendUint64(dst, e.digest)
	return endFrame(dst, body)
}

func readEnd(body []byte) (end, error) {
	f := field{b: body}
	e := end{id: f.fixed(), batches: f.uvarint(), version: f.uvarint(), more: f.byte() != 0}
	e.count = uint32(f.uvarint())
	e.digest = f.fixed()
	return e, f.err("end")
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
