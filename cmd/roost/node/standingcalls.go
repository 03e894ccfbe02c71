package node

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/roost/node/switchboard"
	"roost/registrar"
	"roost/registrar/record"
	"roost/resilience"
	"roost/resilience/mirror"
	"roost/signaling/call"
)

// maxPreserved bounds the calls of other systems that are kept (VP4).
const maxPreserved = 100_000

func callSet(backup string) string { return "call/" + backup }

// standingCalls are the connected calls that the backups of their phones are told of
// (SH1), and those of the homes that this system backs up.
type standingCalls struct {
	// moved: a home's state is another one than when it was last reviewed.
	moved atomic.Bool

	mu sync.Mutex
	// told is to which backups a call was told.
	told      map[string][]string
	preserved *call.Preserved
	lost      map[string]bool // homes whose phones come here
	// live are the calls that each home told of in its present life: only these it can
	// end. What it forgot by a restart goes on between its phones.
	live   map[string]map[string]bool
	epochs map[string]uint64
}

// listener hears of calls (switchboard.Observer).
type listener struct{ *Node }

// Busy implements switchboard.Observer. Only of other systems' phones the machine must
// know: they are not sent home while they have a call (FB2).
func (l listener) Busy(phone registrar.Number) { l.callOf(phone, true) }

// Free implements switchboard.Observer.
func (l listener) Free(phone registrar.Number) { l.callOf(phone, false) }

func (l listener) callOf(phone registrar.Number, began bool) {
	if _, own := l.directory().Extension(phone); own {
		return
	}
	if began {
		l.keeper.step(resilience.CallBegan{Phone: resilience.Phone(phone)})
	} else {
		l.keeper.step(resilience.CallEnded{Phone: resilience.Phone(phone)})
	}
	now := time.Now()
	for _, b := range l.registrar.Lookup(phone, now) {
		if b.Guest {
			l.share.guest(l.guestRecord(&b), b.Expires, now)
		}
	}
}

// Finished implements switchboard.Observer.
func (l listener) Finished(r call.Record) { l.recorded(r) }

// recorded writes a record, and enters it into the users' logs.
func (n *Node) recorded(r call.Record) {
	n.voice.records.put(r)
	if n.config().Calls.Log == 0 {
		return
	}
	n.voice.mu.Lock()
	defer n.voice.mu.Unlock()
	n.voice.log.Add(r)
}

// Standing implements switchboard.Observer: the backups of the phones in the call
// learn of it.
func (l listener) Standing(s switchboard.Standing) {
	now := time.Now()
	made := record.Call{ID: s.View.ID, Direct: s.Direct, Start: s.View.Start, Answer: s.View.Answer}
	var backups []string
	d := l.directory()
	for i := range s.Legs {
		leg := &s.Legs[i]
		made.Ends[i] = record.CallEnd{
			Number: leg.Number, Kind: leg.Kind.String(), System: leg.Name,
			CallID: s.Dialogs[i].CallID, OurTag: s.Dialogs[i].ToTag, TheirTag: s.Dialogs[i].FromTag}
		party := s.View.From
		if i == 1 {
			party = s.View.To
		}
		made.Ends[i].Name = party.Name
		if _, own := d.Extension(leg.Number); own && leg.Kind == call.Phone {
			source := leg.Origin.Source
			if leg.Out {
				source = leg.Target.Binding.Source
			}
			if backup := d.BackupFor(source.Addr()); backup != "" && !slices.Contains(backups, backup) {
				backups = append(backups, backup)
			}
		}
	}
	l.voice.standing.mu.Lock()
	before := l.voice.standing.told[made.ID]
	if l.voice.standing.told == nil {
		l.voice.standing.told = map[string][]string{}
	}
	l.voice.standing.told[made.ID] = backups
	l.voice.standing.mu.Unlock()
	for _, backup := range before {
		if !slices.Contains(backups, backup) {
			l.share.remove(callSet(backup), made.ID)
		}
	}
	for _, backup := range backups {
		l.share.put(callSet(backup), made.ID, record.AppendCall(nil, &made, now), time.Time{})
	}
}

// Ended implements switchboard.Observer.
func (l listener) Ended(id string) {
	l.voice.standing.mu.Lock()
	backups := l.voice.standing.told[id]
	delete(l.voice.standing.told, id)
	l.voice.standing.mu.Unlock()
	for _, backup := range backups {
		l.share.remove(callSet(backup), id)
	}
}

// standingCall takes over what a home says of a connected call.
func (m mirrored) standingCall(home string, c *mirror.Change, gone bool, now time.Time) error {
	s := &m.voice.standing
	if gone {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.live[home][c.Key] {
			delete(s.live[home], c.Key)
			s.preserved.Remove(home, c.Key)
		}
		return nil
	}
	r, err := record.ParseCall(c.Value, now)
	if err != nil || r.ID != c.Key {
		return err
	}
	made := call.Mirrored{Home: home, ID: r.ID, Direct: r.Direct, Start: r.Start, Answer: r.Answer,
		From: callParty(home, &r.Ends[0]), To: callParty(home, &r.Ends[1])}
	for i := range r.Ends {
		end := &r.Ends[i]
		made.Dialogs[i] = call.DialogID{CallID: end.CallID, ToTag: end.OurTag, FromTag: end.TheirTag}
		made.Phones[i] = end.Number
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.preserved.Put(made) {
		m.unread.Add(1)
		return nil
	}
	if s.live == nil {
		s.live = map[string]map[string]bool{}
	}
	if s.live[home] == nil {
		s.live[home] = map[string]bool{}
	}
	s.live[home][made.ID] = true
	return nil
}

// reborn takes over the epoch of a home: with another one it has forgotten its calls.
func (n *Node) reborn(home string, epoch uint64, now time.Time) {
	s := &n.voice.standing
	s.mu.Lock()
	if s.epochs == nil {
		s.epochs = map[string]uint64{}
	}
	before := s.epochs[home]
	s.epochs[home] = epoch
	var records []call.Record
	if before != 0 && before != epoch {
		records = s.fall(home, now)
	}
	s.mu.Unlock()
	for _, r := range records {
		n.recorded(r)
	}
}

// fall: a home is gone, or has begun a new life. s.mu is held.
func (s *standingCalls) fall(home string, now time.Time) []call.Record {
	delete(s.live, home)
	return s.preserved.Failover(home, now)
}

func callParty(home string, end *record.CallEnd) call.RecordParty {
	party := call.RecordParty{Number: end.Number, Name: end.Name, Kind: end.Kind, System: end.System}
	if end.Kind == call.Phone.String() {
		party.System = home
	}
	return party
}

// reviewStanding takes over which homes are served here, and ends what was preserved for
// too long.
func (n *Node) reviewStanding(now time.Time) {
	s := &n.voice.standing
	var homes []resilience.HomeView
	if s.moved.Swap(false) {
		homes = n.keeper.homes()
	}
	s.mu.Lock()
	var records []call.Record
	for _, h := range homes {
		home := string(h.System)
		serving := h.Phase == resilience.Serving
		switch {
		case serving && !s.lost[home]:
			if s.lost == nil {
				s.lost = map[string]bool{}
			}
			s.lost[home] = true
			records = append(records, s.fall(home, now)...)
		case !serving && s.lost[home]:
			delete(s.lost, home)
		}
	}
	records = append(records, s.preserved.Sweep(now)...)
	s.mu.Unlock()
	for _, r := range records {
		n.recorded(r)
	}
}

// standing judges a request within a dialog that is none of ours (VP2, VP4): true for
// the BYE of a preserved call.
func (n *Node) standing(d call.DialogID, method string, now time.Time) bool {
	s := &n.voice.standing
	if s.moved.Load() {
		n.reviewStanding(now)
	}
	s.mu.Lock()
	verdict, records := s.preserved.Request(d, method, now)
	s.mu.Unlock()
	for _, r := range records {
		n.recorded(r)
	}
	return verdict == call.ByeOK
}
