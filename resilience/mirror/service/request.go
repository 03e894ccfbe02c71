package service

import (
	"context"
	"fmt"

	"roost/resilience/mirror"
)

// The first byte of an answer says how the request fared, so that one which
// nobody can answer need not wait for its deadline.
const (
	answered    = 0
	unknownVerb = 1
	failed      = 2 // the handler panicked, or its answer was too long
)

// Handle sets what answers requests with that verb. Call it before Start.
func (s *Service) Handle(verb string, h Handler) { s.handlers[verb] = h }

// Request asks another system and waits for its answer; without a deadline in
// ctx at most 5 s. mirror.ErrNoAnswer when it is away, does not know the verb, or
// could not answer.
func (s *Service) Request(ctx context.Context, system, verb string, payload []byte) ([]byte, error) {
	sub := mirror.Subject{Class: mirror.Calls, Origin: system, Peer: s.opts.Config.Self, Verb: verb}
	for _, name := range []string{system, verb} {
		if err := mirror.CheckName(name); err != nil {
			return nil, fmt.Errorf("request: %w", err)
		}
	}
	answer, err := s.opts.Carrier.Request(ctx, sub, payload)
	if err != nil {
		return nil, fmt.Errorf("request %s of %s: %w", verb, system, err)
	}
	if len(answer) == 0 || answer[0] != answered {
		why := "it could not"
		if len(answer) > 0 && answer[0] == unknownVerb {
			why = "it does not know this request; is it of an older release?"
		}
		return nil, fmt.Errorf("request %s of %s: %s: %w", verb, system, why, mirror.ErrNoAnswer)
	}
	return answer[1:], nil
}

// called answers a request of another system.
func (s *Service) called(m mirror.Message) {
	if m.Reply == nil {
		return
	}
	answer := []byte{failed}
	defer func() {
		if len(answer) > s.opts.Carrier.MaxPayload() {
			answer = []byte{failed}
		}
		// If it does not get through, the asker's deadline ends the request.
		_ = m.Reply(answer)
	}()
	defer s.recovered("request " + m.Subject.Verb)
	h := s.handlers[m.Subject.Verb]
	if h == nil {
		answer = []byte{unknownVerb}
		return
	}
	answer = append([]byte{answered}, h(m.Subject.Peer, m.Payload)...)
}
