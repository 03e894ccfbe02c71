package node

import (
	"reflect"

	"roost/cmd/roost/console/api"
	"roost/cmd/roost/node/switchboard"
	"roost/media"
	"roost/registrar"
)

// callCounts is how many calls there are, and what they use.
func (n *Node) callCounts() api.Calls {
	counts, ports := n.voice.board.Counters(), n.voice.relay.Counters()
	n.voice.standing.mu.Lock()
	preserved := n.voice.standing.preserved.Len()
	n.voice.standing.mu.Unlock()
	return api.Calls{
		Standing: int(counts.Standing), Anchored: int(counts.Anchored), Direct: int(counts.Direct), Preserved: preserved,
		PortsUsed: ports.PairsTaken, PortsResting: ports.PairsResting, PortsTotal: ports.PairsTotal,
	}
}

// callCounters adds what the switchboard, the relay and the records count.
func (n *Node) callCounters(counts, standing map[string]float64) {
	addCounts(counts, standing, "calls_", n.voice.board.Counters())
	for kind, times := range n.voice.board.Noted() {
		counts["calls_noted_"+string(kind)] = float64(times)
	}
	counts["calls_records_written"] = float64(n.voice.records.written.Load())
	counts["calls_systems_turned_away"] = float64(n.voice.turnedAway.Load())
	counts["calls_records_lost"] = float64(n.voice.records.lost.Load())
	standing["calls_preserved"] = float64(n.callCounts().Preserved)
	relay := n.voice.relay.Counters()
	addCounts(counts, standing, "media_", relay)
	v := reflect.ValueOf(relay)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Int { // in this struct they are what goes up and down
			standing["media_"+snake(v.Type().Field(i).Name)] = float64(f.Int())
		}
	}
}

// Calls implements console.Source.
func (s source) Calls(limit int) api.CallList {
	list := api.CallList{Total: s.voice.board.Standing(), Calls: []api.Call{}}
	for _, shown := range s.voice.board.List(limit) {
		list.Calls = append(list.Calls, callShown(&shown))
	}
	return list
}

func callShown(s *switchboard.Shown) api.Call {
	c := api.Call{
		ID: s.ID, State: s.State.String(), Start: s.Start, From: s.From, To: s.To, Dialled: s.Dialled,
		Emergency: s.Emergency, Path: s.PathName(), WhyAnchored: s.Path.Why, Legs: len(s.Legs),
	}
	if !s.Answer.IsZero() {
		answer := s.Answer
		c.Answer = &answer
	}
	if c.Path != "" {
		c.FromSecurity, c.ToSecurity = s.Security(media.A), s.Security(media.B)
	}
	return c
}

// CallLog implements console.Source.
func (s source) CallLog(number string) api.CallLog {
	s.voice.mu.Lock()
	defer s.voice.mu.Unlock()
	made := api.CallLog{Number: number, Calls: []api.LogEntry{}}
	for _, e := range s.voice.log.Of(registrar.Number(number)) {
		made.Calls = append(made.Calls, api.LogEntry{Outgoing: e.Outgoing, Missed: e.Missed, Record: e.Record})
	}
	return made
}

// dropLog forgets the calls of a guest that has gone (GU5).
func (n *Node) dropLog(number registrar.Number) {
	n.voice.mu.Lock()
	dropped := n.voice.log.Drop(number)
	n.voice.mu.Unlock()
	if dropped > 0 {
		n.log.Info().Str("phone", string(number)).Int("calls", dropped).Msg("a guest has gone; the log of its calls here is dropped")
	}
}
