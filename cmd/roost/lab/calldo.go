package lab

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"roost/cmd/roost/lab/phone"
)

// The verbs about calls.
const (
	Call     Verb = "call"     // call phone 202 from phone 201 | call NUMBER from phone 201 | call in pairs
	HangUp   Verb = "hang-up"  // hang up at phone 201 | hang up everywhere
	Answer   Verb = "answer"   // answer at phone 201
	Reject   Verb = "reject"   // reject at phone 201
	Hold     Verb = "hold"     // hold at phone 201
	Resume   Verb = "resume"   // resume at phone 201
	Transfer Verb = "transfer" // transfer phone 203 at phone 201: its far end is sent to 203
	Join     Verb = "join"     // join at phone 201: attended transfer of its two calls
	Dial     Verb = "dial"     // dial 12# at phone 201
)

// parseCall reads an action about calls; false if it is none.
func (w *words) parseCall(action *Action) bool {
	switch action.Verb {
	case Call:
		if w.accept("in") {
			w.the("pairs")
			return true
		}
		action.To = w.callee()
		w.the("from")
	case Transfer:
		action.To = w.callee()
		w.the("at")
	case "hang":
		action.Verb = HangUp
		w.the("up")
		if w.accept("everywhere") {
			return true
		}
		w.the("at")
	case Dial:
		action.To = w.next()
		w.the("at")
	case Answer, Reject, Hold, Resume, Join:
		w.the("at")
	default:
		return false
	}
	action.Phone = w.phone()
	return true
}

// callee reads "phone 202", which must exist, or any number.
func (w *words) callee() string {
	if len(w.left) > 0 && w.left[0] == "phone" {
		return w.phone()
	}
	return w.next()
}

// calls carries out an action about calls; done is false if it is none.
func (e *engine) calls(action *Action) (done bool, err error) {
	command := phone.Command{Do: string(action.Verb), Phone: action.Phone, To: action.To}
	switch action.Verb {
	case Call:
		if action.Phone == "" {
			return true, e.callPairs()
		}
	case HangUp:
		if action.Phone == "" {
			return true, e.hangUpAll()
		}
		e.picture.hangsUp(action.Phone)
	case Dial:
		command.Digits, command.To = action.To, ""
	case Answer, Reject, Hold, Resume, Transfer, Join:
	default:
		return false, nil
	}
	return true, e.phones(command)
}

// betweenCalls is the wall-clock time from one call of pairs to the next: fifty a
// second, which two busy cores set up without refusing any as overload.
const betweenCalls = 20 * time.Millisecond

// callPairs lets the first phone call the second, the third the fourth, and so on.
func (e *engine) callPairs() error {
	for i := 0; i+1 < len(e.picture.Phones); i += 2 {
		from, to := e.picture.Phones[i].Number, e.picture.Phones[i+1].Number
		if err := e.phones(phone.Command{Do: "call", Phone: from, To: to}); err != nil {
			return err
		}
		if _, err := e.pump(betweenCalls*time.Duration(e.speed), "calling", nil); err != nil {
			return err
		}
	}
	return nil
}

// hangUpAll hangs up at every phone that called.
func (e *engine) hangUpAll() error {
	var problems []error
	for _, view := range e.picture.Phones {
		for _, c := range view.current() {
			if c.Up {
				c.hungUp = true
				problems = append(problems, e.phones(phone.Command{Do: "hang-up", Phone: view.Number, Call: c.ID}))
			}
		}
	}
	return errors.Join(problems...)
}

// hangsUp notes that a phone was told to end its newest call.
func (p *Picture) hangsUp(number string) {
	for _, c := range slices.Backward(p.byNumber[number].Calls) {
		if !c.Ended {
			c.hungUp = true
			return
		}
	}
}

// askVoices asks every phone what it has heard so far, so that results are of now.
func (e *engine) askVoices() error {
	var problems []error
	for _, view := range e.picture.Phones {
		for _, c := range view.current() {
			if c.Up {
				problems = append(problems, e.phones(phone.Command{Do: "report", Phone: view.Number, Call: c.ID}))
			}
		}
	}
	return errors.Join(problems...)
}

// lastVoices hears what phones have to say of calls that are up at the end.
func (e *engine) lastVoices() error {
	for _, view := range e.picture.Phones {
		for _, c := range view.current() {
			c.asked = c.Up
		}
	}
	if err := e.askVoices(); err != nil {
		return err
	}
	_, err := e.pump(5*time.Second*time.Duration(e.speed), "asking the phones", func() bool {
		return !slices.ContainsFunc(e.picture.Phones, func(v *PhoneView) bool {
			return slices.ContainsFunc(v.Calls, func(c *CallView) bool { return c.asked })
		})
	})
	return err
}

// cannot is a phone that was told to do what it cannot.
func cannot(r phone.Report) error {
	return fmt.Errorf("phone %s cannot %s", r.Phone, r.Text)
}
