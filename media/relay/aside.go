package relay

// secret is what a side has for ICE and DTLS.
type secret struct{}

// stun is a STUN packet: connectivity checks and keep-alives.
func (l *lane) stun(s *side, _ *packet) (int, *address) {
	s.stats.foreign++
	return drop, nil
}

// dtls is a DTLS record.
func (l *lane) dtls(s *side, _ *packet) (int, *address) {
	s.stats.foreign++
	return drop, nil
}
