package phone

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"sync"

	"roost/cmd/roost/lab/phone/rtp"
	"roost/cmd/roost/lab/phone/tone"
	"roost/cmd/roost/lab/phone/voice"
)

// voiceNews bounds the events of voices that wait to be reported; more are
// dropped and counted.
const voiceNews = 8192

// voices is the media of a fleet: one pump, and who each stream belongs to.
type voices struct {
	pump   *rtp.Pump
	clock  Clock
	report func(Report)
	events chan rtp.Event
	told   sync.WaitGroup

	mutex   sync.Mutex
	of      map[*rtp.Stream]voiceOf
	dropped int
}

// voiceOf is whose voice a stream is.
type voiceOf struct {
	phone, with string
	call        int
}

// newVoices starts the pump and one goroutine that reports.
func newVoices(clock Clock, report func(Report)) (*voices, error) {
	v := &voices{clock: clock, report: report, events: make(chan rtp.Event, voiceNews), of: map[*rtp.Stream]voiceOf{}}
	pump, err := rtp.NewPump(v.observe)
	if err != nil {
		return nil, err
	}
	v.pump = pump
	v.told.Go(v.tell)
	return v, nil
}

// close ends the pump, and returns when all that it saw is reported.
func (v *voices) close() {
	v.pump.Close()
	close(v.events)
	v.told.Wait()
}

// observe is called by the pump and must not wait.
func (v *voices) observe(e rtp.Event) {
	select {
	case v.events <- e:
	default:
		v.mutex.Lock()
		v.dropped++
		v.mutex.Unlock()
	}
}

func (v *voices) tell() {
	for e := range v.events {
		v.mutex.Lock()
		of, known := v.of[e.Stream]
		v.mutex.Unlock()
		if !known {
			continue // its call has ended and said all
		}
		r := Report{Phone: of.phone, Call: of.call, With: of.with}
		switch {
		case e.Digit != 0:
			r.Event, r.Text, r.At = Digit, string(e.Digit), v.clock.Elapsed().Seconds()
		default:
			r.Hz, r.MS, r.At = int(math.Round(e.Change.Tone)), milliseconds(e.Change.For), v.clock.At(e.Change.At)
			switch e.Change.Kind {
			case voice.Began:
				r.Event = VoiceBegan
			case voice.Gap:
				r.Event = VoiceGap
			case voice.Lost:
				r.Event = VoiceLost
			}
		}
		v.report(r)
	}
}

// line is the Media of one phone.
type line struct {
	voices  *voices
	phone   string
	address netip.Addr
	hz      int
}

// lineVoice forgets its owner when it is closed.
type lineVoice struct {
	*rtp.Stream
	voices *voices
}

// Open takes a port on the phone's own address.
func (l line) Open(call int, with string) (Voice, error) {
	stream, err := l.voices.pump.Open(l.address, l.hz)
	if err != nil {
		return nil, err
	}
	l.voices.mutex.Lock()
	l.voices.of[stream] = voiceOf{l.phone, with, call}
	l.voices.mutex.Unlock()
	return lineVoice{stream, l.voices}, nil
}

// Close ends the stream.
func (v lineVoice) Close() rtp.Report {
	v.voices.mutex.Lock()
	delete(v.voices.of, v.Stream)
	v.voices.mutex.Unlock()
	return v.Stream.Close()
}

// ToneOf is the tone that a phone sends: its own, or one made of its number.
// Numbers that follow each other have different tones.
func ToneOf(spec Spec) int {
	if spec.Calls.Tone != 0 {
		return spec.Calls.Tone
	}
	n, err := strconv.Atoi(spec.Number)
	if err != nil {
		for _, c := range []byte(spec.Number) {
			n = (n*31 + int(c)) & 0xffff
		}
	}
	return tone.Nth(n)
}

// Phone is a phone of a running fleet, to be told what the person at it does. Its
// reports tell what comes of it.
type Phone struct {
	fleet  *Fleet
	number string
}

// Phone finds a phone by its number.
func (f *Fleet) Phone(number string) (Phone, error) {
	if f.runners[number] == nil {
		return Phone{}, fmt.Errorf("no phone %s in this fleet", number)
	}
	return Phone{f, number}, nil
}

func (p Phone) do(c Command) {
	c.Phone = p.number
	p.fleet.runners[p.number].put(p.fleet.ctx, Person{c})
}

// Call calls a number.
func (p Phone) Call(to string) { p.do(Command{Do: "call", To: to}) }

// Answer answers the call that rings, Reject refuses it.
func (p Phone) Answer() { p.do(Command{Do: "answer"}) }

// Reject refuses the call that rings with 603.
func (p Phone) Reject() { p.do(Command{Do: "reject"}) }

// Hangup ends a call, or gives it up. Here and below call is the phone's number
// of the call, 0 for the newest.
func (p Phone) Hangup(call int) { p.do(Command{Do: "hang-up", Call: call}) }

// Hold holds a call, Resume takes it back.
func (p Phone) Hold(call int) { p.do(Command{Do: "hold", Call: call}) }

// Resume takes a held call back.
func (p Phone) Resume(call int) { p.do(Command{Do: "resume", Call: call}) }

// Transfer sends the far end of a call to a number (blind).
func (p Phone) Transfer(call int, to string) { p.do(Command{Do: "transfer", Call: call, To: to}) }

// AttendedTransfer joins the far ends of the phone's two calls.
func (p Phone) AttendedTransfer() { p.do(Command{Do: "join"}) }

// Dial sends digits within a call (RFC 4733).
func (p Phone) Dial(call int, digits string) { p.do(Command{Do: "dial", Call: call, Digits: digits}) }

// Report asks for a report "voice-so-far" of a call.
func (p Phone) Report(call int) { p.do(Command{Do: "report", Call: call}) }
