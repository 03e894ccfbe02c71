package node

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"roost/registrar"
	"roost/resilience"
)

// evidenceVerb is the request by which a backup asks a home when it last heard of
// a phone (FO6).
const evidenceVerb = "evidence"

var errEvidence = errors.New("an answer about a phone's evidence has a flag and an age")

// answerEvidence answers a backup: a byte, 1 if the phone was heard, and the age
// in milliseconds as a varint: since it was heard, or since this system's start.
func (n *Node) answerEvidence(_ string, number []byte) []byte {
	now := time.Now()
	phone := registrar.Number(number)
	if d := n.directory(); len(number) > registrar.MaxNumberLength {
		return nil
	} else if _, own := d.Extension(phone); !own {
		return appendEvidence(false, now.Sub(n.started))
	}
	if at, heard := n.lastHeardOf(phone, now); heard {
		return appendEvidence(true, now.Sub(at))
	}
	return appendEvidence(false, now.Sub(n.started))
}

func (n *Node) lastHeardOf(phone registrar.Number, now time.Time) (at time.Time, heard bool) {
	at, heard = n.heard.load(phone)
	for _, r := range n.registrar.Lookup(phone, now) {
		if r.Registered.After(at) {
			at, heard = r.Registered, true
		}
	}
	return at, heard
}

func appendEvidence(heard bool, age time.Duration) []byte {
	flag := byte(0)
	if heard {
		flag = 1
	}
	return binary.AppendUvarint([]byte{flag}, uint64(max(age.Milliseconds(), 0)))
}

func parseEvidence(b []byte) (heard bool, age time.Duration, err error) {
	if len(b) < 2 || b[0] > 1 {
		return false, 0, errEvidence
	}
	ms, used := binary.Uvarint(b[1:])
	const century = 100 * 365 * 24 * 3600 * 1000
	if used <= 0 || used != len(b)-1 || ms > century {
		return false, 0, errEvidence
	}
	return b[0] == 1, time.Duration(ms) * time.Millisecond, nil
}

// askEvidence asks a home. No answer is no evidence: the phone goes on being
// refused while its home is visible.
func (n *Node) askEvidence(e resilience.AskEvidence) {
	ctx, cancel := context.WithTimeout(n.ctx, 5*time.Second)
	defer cancel()
	answer, err := n.mirror.Request(ctx, string(e.Home), evidenceVerb, []byte(e.Phone))
	if err != nil {
		n.log.Debug().Err(err).Str("home", string(e.Home)).Str("phone", string(e.Phone)).Msg("no evidence of a phone")
		return
	}
	heard, age, err := parseEvidence(answer)
	if err != nil {
		n.log.Warn().Err(err).Str("home", string(e.Home)).Msg("evidence not understood")
		return
	}
	n.keeper.step(resilience.Evidence{Phone: e.Phone, Home: e.Home, Age: age, Heard: heard})
}
