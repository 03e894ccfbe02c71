package mirror

// Status is how every known system stands, by name.
func (s *Session) Status() []PeerStatus {
	all := make([]PeerStatus, 0, len(s.names))
	for _, name := range s.names {
		p := s.peers[name]
		st := PeerStatus{
			System: name, Up: p.line.Up, Why: p.line.Why, Heard: p.heard, LastHeard: p.lastHeard,
			Last: p.last, Clock: p.wall, InSync: len(p.setNames) > 0,
		}
		for _, set := range p.setNames {
			one := s.status(p, p.sets[set])
			st.Sets = append(st.Sets, one)
			st.InSync = st.InSync && one.InSync
			st.Behind += one.Behind
		}
		all = append(all, st)
	}
	return all
}
