package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"roost/cmd/roost/lab/phone"
	"roost/cmd/roost/lab/phone/rtp"
)

// callFlags are those of `roost phone` that are about calls.
type callFlags struct {
	Call        string        `help:"Call this number once registered, and end with the call." placeholder:"NUMBER" group:"Calls:"`
	Answers     string        `help:"What it does when it rings: by-itself, by-hand (rings until told), busy, reject." enum:"by-itself,by-hand,busy,reject" default:"by-itself" group:"Calls:"`
	AnswerAfter time.Duration `help:"How long it rings before it answers by itself." default:"2s" group:"Calls:"`
	Talk        time.Duration `help:"Hang up so long after the answer; 0: never, but for --call after 10s." group:"Calls:"`
	SRTP        string        `name:"srtp" help:"How it protects its voice: none, optional (RFC 8643), capneg (RFC 5939), enforced (RTP/SAVP)." enum:"none,optional,capneg,enforced" default:"none" group:"Calls:"`
	Suite       []string      `help:"SRTP suites that it can do, best first: AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM." default:"AES_CM_128_HMAC_SHA1_80" placeholder:"SUITE" group:"Calls:"`
	Tone        int           `help:"The tone that it sends, in Hz, 250 to 3600; made of its number if 0." placeholder:"HZ" group:"Calls:"`
	EarlyMedia  bool          `help:"Ring with 183 and the tone." group:"Calls:"`
	OnLoss      string        `help:"What it does with a call when its server is gone, instead of as its family does: keep, stay, hang-up, re-invite." placeholder:"HOW" group:"Calls:"`
	CallsOnly   bool          `help:"It registers at the first server only, and sends calls to the next if that is gone." group:"Calls:"`
}

func (c *callFlags) habits() phone.Habits {
	h := phone.Habits{
		Answers: phone.Answers(c.Answers), After: c.AnswerAfter, Talk: c.Talk, SRTP: phone.Security(c.SRTP),
		Tone: c.Tone, EarlyMedia: c.EarlyMedia, OnLoss: phone.OnLoss(c.OnLoss), CallsOnly: c.CallsOnly,
	}
	for _, suite := range c.Suite {
		h.Suites = append(h.Suites, rtp.Suite(suite))
	}
	if c.Call != "" && c.Talk == 0 {
		h.Talk = 10 * time.Second
	}
	return h
}

// callOnce calls --call once the phone is registered, obeys words meanwhile, and
// ends with the call. What was not as it should be is the error.
func (c *phoneCmd) callOnce(ctx context.Context, fleet *phone.Fleet, words <-chan string, reports <-chan phone.Report) error {
	called := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-words:
			if line == "quit" {
				return nil
			}
			if err := fleet.Do(ctx, typed(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		case r := <-reports:
			switch {
			case r.Event == phone.Registered && !called:
				called = true
				if err := fleet.Do(ctx, phone.Command{Do: "call", Phone: c.Number, To: c.Call}); err != nil {
					return err
				}
			case r.Event == phone.CallRefused, r.Event == phone.Cannot && r.With == c.Call:
				return fmt.Errorf("no call to %s: %s", c.Call, r)
			case r.Event == phone.CallEnded:
				return judgeCall(r)
			}
		}
	}
}

// judgeCall is what was amiss with a call that ended, nil if nothing was.
func judgeCall(r phone.Report) error {
	switch v := r.Voice; {
	case v == nil:
		return fmt.Errorf("the call to %s was not answered", r.With)
	case len(v.Tones) == 0:
		return fmt.Errorf("no voice was heard from %s: %s", r.With, v)
	case v.Lost:
		return fmt.Errorf("the voice from %s was lost %.1f s after this phone was started", r.With, v.LostAt)
	}
	return nil
}
