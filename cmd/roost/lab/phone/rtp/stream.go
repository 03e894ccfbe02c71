package rtp

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"roost/cmd/roost/lab/phone/tone"
	"roost/cmd/roost/lab/phone/voice"
)

// Config is what a phone knows of its call's media at present.
type Config struct {
	// Remote is where the far end listens; with the zero AddrPort nothing is sent.
	Remote netip.AddrPort
	// Send sends the phone's tone, Receive expects a voice.
	Send, Receive bool
	// Payload is PCMU's type, Events that of digits, 0 for none. What comes with
	// another type is counted as Bad.
	Payload, Events uint8
	// Seal and Open are the SRTP keys of what is sent and of what comes; nil for RTP.
	Seal, Open *Key
}

// Report is the account of a stream, so far or at its end.
type Report struct {
	voice.Account
	// Hears is whether a voice is heard at present, and Now its tone.
	Hears bool
	Now   float64
	// Sent and Received packets; Missing by sequence number; Repeated, Forged (not
	// authentic) and Bad (no RTP, or not of the call's types) were not listened to.
	Sent, Received, Missing, Repeated, Forged, Bad int
	// Digits that were heard.
	Digits string
	// Late is how late this process itself was with a frame, at most: above some
	// 20 ms gaps are not the network's.
	Late time.Duration
}

// Event is what happens on a stream: a change of the voice, or a digit heard.
type Event struct {
	Stream *Stream
	Change voice.Change
	Digit  rune
}

// maxDigits bounds what one stream keeps of digits in each direction.
const maxDigits = 256

// Stream is one call's media at one phone. All its methods are safe for
// concurrent use; its fields belong to the Pump's mutex.
type Stream struct {
	pump  *Pump
	fd    int
	local netip.AddrPort
	slot  int

	config Config
	target sockaddr
	cipher cipher
	frames [][]byte
	frame  int
	own    int

	ssrc      uint32
	sequence  uint16
	timestamp uint32
	marker    bool // the next frame begins a talk spurt
	keys      keys
	heardKeys heardKeys
	heard     tone.Detector
	path      voice.Path
	counter   counter
	report    Report
	closed    bool
}

func newStream(pump *Pump, fd int, local netip.AddrPort, hz int) *Stream {
	s := &Stream{
		pump: pump, fd: fd, local: local, own: hz, marker: true,
		ssrc: rand.Uint32(), sequence: uint16(rand.Uint32()) & 0x7fff, timestamp: rand.Uint32(),
	}
	s.frames = pump.tones.frames(hz)
	s.path.Own = func(heard float64) bool { return tone.Same(heard, hz) }
	return s
}

// Local is the address that the far end is told to send to.
func (s *Stream) Local() netip.AddrPort { return s.local }

// Set says what is known now. What does not differ goes on undisturbed.
func (s *Stream) Set(c Config) error {
	s.pump.mutex.Lock()
	defer s.pump.mutex.Unlock()
	if s.closed {
		return nil
	}
	if err := s.cipher.set(c.Seal, c.Open); err != nil {
		return err
	}
	if c.Remote != s.config.Remote {
		s.target = makeSockaddr(c.Remote)
	}
	if c.Send && !s.config.Send {
		s.marker = true
	}
	s.config = c
	if c.Receive {
		s.path.Listen(time.Now())
	} else {
		s.path.Pause()
	}
	return nil
}

// Dial sends digits, one after the other, in the place of the tone.
func (s *Stream) Dial(digits string) {
	s.pump.mutex.Lock()
	defer s.pump.mutex.Unlock()
	for _, digit := range digits {
		if IsDigit(digit) && len(s.keys.waiting) < maxDigits {
			s.keys.waiting = append(s.keys.waiting, byte(digit))
		}
	}
}

// Report is the account so far.
func (s *Stream) Report() Report {
	s.pump.mutex.Lock()
	defer s.pump.mutex.Unlock()
	return s.account()
}

func (s *Stream) account() Report {
	report := s.report
	report.Account = s.path.Account()
	report.Now, report.Hears = s.path.Hears()
	report.Missing = s.counter.total()
	return report
}

// Close ends the stream and gives its account.
func (s *Stream) Close() Report {
	s.pump.mutex.Lock()
	defer s.pump.mutex.Unlock()
	report := s.account()
	if !s.closed {
		s.closed = true
		s.pump.forget(s)
	}
	return report
}

// send builds the packet of this frame's time, nil if none is to be sent. The
// clock goes on all the same.
func (s *Stream) next(buffer []byte) []byte {
	s.timestamp += tone.FrameSamples
	s.frame++
	if !s.config.Send || !s.config.Remote.IsValid() || s.config.Remote.Port() == 0 {
		return nil
	}
	p := packet{payloadType: s.config.Payload, sequence: s.sequence + 1, timestamp: s.timestamp, ssrc: s.ssrc, marker: s.marker}
	payload := s.frames[s.frame%len(s.frames)]
	if s.config.Events != 0 {
		if event, start, first, ok := s.keys.next(s.timestamp); ok {
			p.payloadType, p.timestamp, p.marker = s.config.Events, start, first
			payload = event[:]
		}
	}
	s.sequence++
	s.marker = false
	p.put(buffer)
	n := headerSize + copy(buffer[headerSize:], payload)
	data, err := s.cipher.protect(buffer[:n])
	if err != nil {
		return nil // pion/srtp refuses a stream that ran out of indices, 2^48 packets on
	}
	s.report.Sent++
	return data
}

// take listens to a packet.
func (s *Stream) take(data []byte, now time.Time, tell func(Event)) {
	plain, err := s.cipher.unprotect(data)
	if err != nil {
		s.report.Forged++
		return
	}
	p, err := parse(plain)
	isEvent := err == nil && s.config.Events != 0 && p.payloadType == s.config.Events
	if err != nil || (p.payloadType != s.config.Payload && !isEvent) {
		s.report.Bad++
		return
	}
	if !s.counter.take(p.ssrc, p.sequence) {
		s.report.Repeated++
		return
	}
	s.report.Received++
	if isEvent {
		s.path.Other(now)
		if digit, ok := s.heardKeys.take(p); ok && len(s.report.Digits) < maxDigits {
			s.report.Digits += string(digit)
			tell(Event{Stream: s, Digit: digit})
		}
		return
	}
	if change := s.path.Hear(now, s.heard.Hear(p.payload)); change.Kind != voice.None {
		tell(Event{Stream: s, Change: change})
	}
}

// look notices a voice that is lost.
func (s *Stream) look(now time.Time, tell func(Event)) {
	if change := s.path.Look(now); change.Kind != voice.None {
		tell(Event{Stream: s, Change: change})
	}
}
